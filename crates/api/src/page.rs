//! Lists, a page at a time.

use crate::{Acceptance, Proposal, Wallet};
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use utoipa::{
    PartialSchema, ToSchema,
    openapi::{
        Ref, RefOr,
        schema::{ArrayBuilder, ObjectBuilder, Schema, SchemaType, Type},
    },
};

/// How many items a page has where nothing else is asked for.
pub const DEFAULT_LIMIT: u32 = 50;

/// How many items a page has at most.
pub const MAX_LIMIT: u32 = 200;

/// A part of a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Page<T> {
    /// The items, in the order of the list.
    pub items: Vec<T>,
    /// What to give as `cursor` for the items that follow; null at the end. Means nothing else.
    pub next_cursor: Option<String>,
}

/// A page of proposals.
pub type ProposalPage = Page<Proposal>;

/// A page of acceptances.
pub type AcceptancePage = Page<Acceptance>;

/// A page of wallets.
pub type WalletPage = Page<Wallet>;

/// By hand: derived, the items would be described where they stand, and every generator of clients would make a second
/// type of them.
impl<T: ToSchema> PartialSchema for Page<T> {
    fn schema() -> RefOr<Schema> {
        let items = ArrayBuilder::new()
            .items(Ref::from_schema_name(T::name()))
            .description(Some("The items, in the order of the list."));
        let next_cursor = ObjectBuilder::new()
            .schema_type(SchemaType::Array(vec![Type::String, Type::Null]))
            .description(Some(
                "What to give as `cursor` for the items that follow; null at the end. Means nothing else.",
            ));
        ObjectBuilder::new()
            .description(Some("A part of a list."))
            .property("items", items)
            .required("items")
            .property("nextCursor", next_cursor)
            .required("nextCursor")
            .into()
    }
}

impl<T: ToSchema> ToSchema for Page<T> {
    fn name() -> Cow<'static, str> {
        Cow::Owned(format!("{}Page", T::name()))
    }

    fn schemas(schemas: &mut Vec<(String, RefOr<Schema>)>) {
        schemas.push((T::name().into_owned(), T::schema()));
        T::schemas(schemas);
    }
}
