//! The description of the API, generated from the code that serves it.

use quorate_api::{Problem, ProblemCode, problem::MEDIA_TYPE};
use std::collections::BTreeMap;
use utoipa::{
    OpenApi as _, ToSchema as _,
    openapi::{
        ContentBuilder, Header, HeaderBuilder, ObjectBuilder, OpenApi, Ref, RefOr, ResponseBuilder,
        Type,
        response::Response,
        security::{HttpAuthScheme, HttpBuilder, SecurityScheme},
    },
};

/// What every path under `/v1` may answer, whatever it does.
const EVERYWHERE: [ProblemCode; 7] = [
    ProblemCode::WrongHost,
    ProblemCode::RateLimited,
    ProblemCode::Overloaded,
    ProblemCode::Internal,
    ProblemCode::StoreUnavailable,
    ProblemCode::TimedOut,
    ProblemCode::Stopping,
];

/// What the paths for those who watch over the process may answer.
const WATCHING: [ProblemCode; 4] = [
    ProblemCode::WrongHost,
    ProblemCode::RateLimited,
    ProblemCode::Internal,
    ProblemCode::TimedOut,
];

/// What reading may answer.
const READING: [ProblemCode; 3] =
    [ProblemCode::InvalidParameter, ProblemCode::Unauthorized, ProblemCode::Forbidden];

/// What writing may answer.
const WRITING: [ProblemCode; 6] = [
    ProblemCode::InvalidParameter,
    ProblemCode::MalformedJson,
    ProblemCode::RequestTimeout,
    ProblemCode::BodyTooLarge,
    ProblemCode::UnsupportedMediaType,
    ProblemCode::InvalidBody,
];

/// Names the problems of a route for its description, besides those of all routes that read or write.
macro_rules! problems {
    ($(#[$doc:meta])* $name:ident = $base:ident [$($code:ident),* $(,)?]) => {
        $(#[$doc])*
        pub(crate) struct $name;

        impl utoipa::IntoResponses for $name {
            fn responses() -> std::collections::BTreeMap<
                String,
                utoipa::openapi::RefOr<utoipa::openapi::response::Response>,
            > {
                $crate::http::openapi::Base::$base
                    .responses(&[$(quorate_api::ProblemCode::$code),*])
            }
        }
    };
}
pub(crate) use problems;

/// What a route does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Base {
    /// Reads.
    Reads,
    /// Takes a body.
    Writes,
    /// Tells of the process.
    Watches,
}

impl Base {
    /// The answers of a route with these problems besides.
    pub(crate) fn responses(self, own: &[ProblemCode]) -> BTreeMap<String, RefOr<Response>> {
        let (base, everywhere) = match self {
            Self::Reads => (&READING[..], &EVERYWHERE[..]),
            Self::Writes => (&WRITING[..], &EVERYWHERE[..]),
            Self::Watches => (&[][..], &WATCHING[..]),
        };
        let mut by_status = BTreeMap::<u16, Vec<ProblemCode>>::new();
        for &code in base.iter().chain(own).chain(everywhere) {
            let codes = by_status.entry(code.status()).or_default();
            if !codes.contains(&code) {
                codes.push(code);
            }
        }
        by_status
            .into_iter()
            .map(|(status, codes)| (status.to_string(), described(&codes)))
            .collect()
    }
}

/// The answer with one of these codes.
fn described(codes: &[ProblemCode]) -> RefOr<Response> {
    let words: Vec<_> = codes.iter().map(|code| format!("`{}`", code.word())).collect();
    let problem = Ref::from_schema_name(Problem::name());
    let content = ContentBuilder::new().schema(Some(problem)).build();
    let response = ResponseBuilder::new()
        .description(format!("A problem: {}.", words.join(", ")))
        .content(MEDIA_TYPE, content);
    let response = match codes.first().map(|code| code.status()) {
        Some(429 | 503) => response.header("Retry-After", retry_after()),
        _ => response,
    };
    response.build().into()
}

/// After how many seconds asking again makes sense.
fn retry_after() -> Header {
    let secs = ObjectBuilder::new().schema_type(Type::Integer).minimum(Some(1));
    HeaderBuilder::new()
        .schema(Some(secs))
        .description(Some("After how many seconds asking again makes sense."))
        .build()
}

#[derive(utoipa::OpenApi)]
#[openapi(
    info(
        title = "Quorate relayer",
        description = "Gathers the signatures of a multisig's owners and executes what enough of them signed, exactly \
                       once. Nothing that it answers has to be believed: digest and signers follow from the fields, \
                       the rest from the chain.\n\nWithin version 1 only additions: readers ignore fields that they \
                       do not know; a request with an unknown field or parameter is refused. Every problem is a \
                       document of RFC 9457 with a stable `code`.",
        contact(name = "The operator of the relayer"),
        license(name = "MIT", identifier = "MIT"),
    ),
    servers(
        (url = "http://127.0.0.1:8645", description = "On this machine, where a relayer listens if nothing else is said."),
        (
            url = "https://{host}",
            description = "Elsewhere, behind a proxy that speaks TLS.",
            variables(("host" = (default = "relayer.invalid", description = "The name of the relayer."))),
        ),
    ),
    components(schemas(Problem)),
    tags(
        (name = "escrows", description = "Who accepted what an escrow is about."),
        (name = "events", description = "What happens, while it does."),
        (name = "operation", description = "For those who run the relayer."),
        (name = "proposals", description = "What owners are asked to sign, and what became of it."),
        (name = "wallets", description = "The wallets that are served."),
    ),
)]
struct Description;

/// The description without paths, to which each route adds its own.
pub(crate) fn base() -> OpenApi {
    let mut description = Description::openapi();
    let token = HttpBuilder::new()
        .scheme(HttpAuthScheme::Bearer)
        .description(Some(
            "A token that the operator made. Reading is open where the operator says so.",
        ))
        .build();
    let components = description.components.get_or_insert_default();
    components.security_schemes.insert("token".to_owned(), SecurityScheme::Http(token).into());
    description
}
