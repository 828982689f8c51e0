//! From a list to a plan, with everything that people should look at.

use super::{opened, tokens};
use crate::{
    arguments::ListOptions,
    chain_access::Named,
    failure::Cause,
    files,
    output::{Output, counted},
    review::{Danger, DangerCode},
};
use alloy::primitives::Address;
use eyre::Result;
use quorate_chain::{Chain, Token};
use quorate_core::text::shown;
use quorate_treasury::{
    Book, PayoutFile, Plan,
    payout_file::{Beside, Names},
    payout_plan::{Terms, check_run, shown_token},
    plan,
    remark::{LinesOfList, Remark, of_amounts},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

/// A list, planned.
pub(super) struct Planned {
    pub(super) plan: Plan,
    pub(super) tokens: BTreeMap<Address, Token>,
    pub(super) dangers: Vec<Danger>,
    /// What is worth a look and no danger.
    pub(super) remarks: Vec<String>,
}

/// What a list is planned with.
pub(super) struct Source<'a> {
    pub(super) file: &'a Path,
    pub(super) run: &'a str,
    pub(super) wallet: &'a Named,
    pub(super) options: &'a ListOptions,
    pub(super) book: &'a Book,
    /// None where no endpoint is given.
    pub(super) chain: Option<&'a Chain>,
    pub(super) chain_id: u64,
}

impl Source<'_> {
    /// Reads and plans the list.
    pub(super) async fn planned(&self, output: Output) -> Result<Planned> {
        let Self { options, chain_id, .. } = self;
        let name = self.file.display().to_string();
        let bad = |error: &dyn std::fmt::Display| Cause::BadInput.error(format!("{name}: {error}"));
        let run = run_name(self.run, options.period.as_deref())?;
        let names = self.book.names(*chain_id);
        let beside = Beside { names: Some(&names), token: options.token.as_deref() };
        let bytes = files::read(self.file)?;
        let file = PayoutFile::read(&bytes, beside).map_err(|error| bad(&error))?;
        file.check_chain(*chain_id).map_err(|error| bad(&error))?;
        let old = options.edit.as_deref().map(opened::read).transpose()?;
        let (tokens, mut dangers) = self.tokens(&file, output).await?;
        let decimals = tokens
            .values()
            .filter_map(|token| Some((token.address, token.decimals?)))
            .collect::<BTreeMap<_, _>>();
        let wallet = self.wallet.address;
        let (max_lines, chain_id) = (options.max_lines, *chain_id);
        let terms = Terms { chain_id, wallet, run: &run, decimals: &decimals, max_lines };
        let plan = plan(&file, &terms, old.as_ref()).map_err(|error| bad(&error))?;
        self.expected(&plan, &names)?;
        let lines = LinesOfList::of(&file);
        let decimals = |token| plan.decimals(token);
        let mut remarks = of_amounts(&file, decimals);
        remarks.extend(plan.remarks(&lines, &names));
        let (found, rest) = sorted(&remarks);
        dangers.extend(found);
        for path in &options.paid {
            let paid = opened::read(path)?;
            dangers.extend(paid_before(&plan, &paid, &lines));
        }
        Ok(Planned { plan, tokens, dangers, remarks: rest })
    }

    /// The tokens of the list: as the chain tells of them, or the book where there is no endpoint.
    async fn tokens(
        &self,
        file: &PayoutFile,
        output: Output,
    ) -> Result<(BTreeMap<Address, Token>, Vec<Danger>)> {
        if let Some(chain) = self.chain {
            let read = tokens::read(file, &self.options.decimals, chain);
            let tokens = output.during("reading the tokens", read).await?;
            let dangers = tokens.dangers();
            return Ok((tokens.known, dangers));
        }
        let known = self.book.decimals(self.chain_id);
        let mut tokens = BTreeMap::new();
        for address in file.tokens() {
            let Some(&decimals) = known.get(&address) else {
                let shown = address.to_checksum(None);
                return Err(Cause::Usage.error(format!(
                    "no endpoint, and the address book does not tell the decimals of token {shown}: give --rpc-url URL, or set ETH_RPC_URL"
                )));
            };
            let symbol = self.book.symbol(self.chain_id, address).map(str::to_owned);
            tokens.insert(address, token(address, decimals, symbol));
        }
        let danger = Danger::new(
            DangerCode::Offline,
            "no chain was read: balances, tokens and payees are unchecked",
        );
        Ok((tokens, vec![danger]))
    }

    fn expected(&self, plan: &Plan, names: &Names) -> Result<()> {
        let ListOptions { expect_total, expect_count, .. } = self.options;
        let unexpected = plan.unexpected(expect_total, *expect_count, names);
        if unexpected.is_empty() {
            return Ok(());
        }
        let texts: Vec<_> = unexpected.iter().map(ToString::to_string).collect();
        Err(Cause::BadInput.error(format!("{}: {}", self.file.display(), texts.join("; "))))
    }
}

fn token(address: Address, decimals: u8, symbol: Option<String>) -> Token {
    Token { address, has_code: true, symbol, decimals: Some(decimals) }
}

/// The name of the run, with the period in its place.
fn run_name(run: &str, period: Option<&str>) -> Result<String> {
    const PLACE: &str = "{period}";
    let name = match period {
        Some(period) if run.contains(PLACE) => run.replace(PLACE, period),
        Some(_) => {
            return Err(Cause::Usage.error(format!(
                "--period stands for {PLACE} in the run's name, and {} has none",
                shown(run)
            )));
        }
        None if run.contains(PLACE) => {
            return Err(Cause::Usage.error(format!("{} needs --period", shown(run))));
        }
        None => run.to_owned(),
    };
    check_run(&name).map_err(|error| Cause::BadInput.error(error.to_string()))?;
    Ok(name)
}

/// Dangers, and what is none.
fn sorted(remarks: &[Remark]) -> (Vec<Danger>, Vec<String>) {
    let (mut dangers, mut rest) = (Vec::new(), Vec::new());
    for remark in remarks {
        let code = match remark {
            Remark::LookAlike { .. } => DangerCode::LookAlike,
            Remark::NameDiffers { .. } => DangerCode::NameDiffers,
            Remark::GroupedAmount { .. } => DangerCode::GroupedAmount,
            Remark::PaidTwice { .. } | Remark::Float { .. } => {
                rest.push(remark.to_string());
                continue;
            }
        };
        dangers.push(Danger::new(code, remark.to_string()));
    }
    (dangers, rest)
}

/// How many lines are written out; the rest is counted.
const MOST_SHOWN: usize = 20;

/// A danger where an earlier run has the same ids, or pays the same.
fn paid_before(plan: &Plan, paid: &Plan, lines: &LinesOfList) -> Option<Danger> {
    let before: Vec<_> = paid.lines.iter().filter(|line| !line.removed).collect();
    let ids: BTreeSet<_> = before.iter().map(|line| line.id.as_str()).collect();
    let same: BTreeMap<_, _> = (before.iter())
        .map(|line| ((line.token, line.payee, line.amount), line.id.as_str()))
        .collect();
    let mut found = Vec::new();
    for line in plan.lines.iter().filter(|line| !line.removed) {
        let place = lines.place(&line.id);
        if ids.contains(line.id.as_str()) {
            found.push(format!("{place}: the run {} has this id", paid.run));
        } else if let Some(id) = same.get(&(line.token, line.payee, line.amount)) {
            let token = shown_token(line.token);
            found.push(format!(
                "{place}: the run {} pays {} the same amount of {token}, id {}",
                paid.run,
                line.payee.to_checksum(None),
                shown(id)
            ));
        }
    }
    let more = match found.len().saturating_sub(MOST_SHOWN) {
        0 => String::new(),
        more => format!("; and {}", counted(more as u64, "more", "more")),
    };
    let shown: Vec<_> = found.iter().take(MOST_SHOWN).map(String::as_str).collect();
    let message = format!("{}{more}", shown.join("; "));
    (!found.is_empty()).then(|| Danger::new(DangerCode::PaidBefore, message))
}
