//! From a draft to a proposal that is signed, written or handed in.

use super::{
    act::{Actor, Draft, Verb, request},
    money::Money,
    scene::{Scene, listed},
};
use crate::{
    arguments::EscrowAct,
    clock,
    commands::show::{Known, review, tell_of_creation},
    failure::Cause,
    files,
    open_proposals::{self, Places},
    output::Output,
    review::{Executor, Facts, View},
};
use eyre::Result;
use quorate_core::{Action, OwnerSignature, Proposal};
use serde_json::{Value, json};
use std::path::{Path, PathBuf};

/// What is being done, and with what.
pub(super) struct Doing<'a> {
    pub(super) verb: Verb,
    pub(super) act: &'a EscrowAct,
    pub(super) scene: &'a Scene,
    pub(super) money: &'a Money,
}

/// A draft as it is to be signed, and its review.
struct Reviewed {
    draft: Draft,
    proposal: Proposal,
    view: View,
}

impl Doing<'_> {
    /// Reviews all of it, signs, and writes or hands it in.
    pub(super) async fn finish(
        &self,
        actor: Actor,
        drafts: Vec<Draft>,
        output: Output,
    ) -> Result<()> {
        let Doing { verb, act, scene, .. } = *self;
        let deadline = act.deadline.as_deref().unwrap_or(verb.deadline());
        let deadline = clock::parse_deadline(deadline, scene.now)?;
        let mut reviewed = Vec::new();
        for draft in drafts {
            for line in said_first(&draft, deadline, scene.now) {
                output.say(&line);
            }
            output.say("");
            let request = request(scene, &draft, deadline);
            let proposal = Proposal::new(request, None, Some(scene.file.origin()))?;
            let view = self.review(&proposal, output).await?;
            reviewed.push(Reviewed { draft, proposal, view });
        }
        if let Some(Reviewed { view, .. }) = reviewed.first() {
            tell_of_creation(view, output);
        }
        let dangers: Vec<_> = reviewed.iter().flat_map(|one| one.view.dangers.clone()).collect();
        output.accept(&dangers, &act.accept.accept)?;
        let paths = self.paths(&actor, &reviewed)?;
        confirm(&actor, output)?;
        let mut done = Vec::new();
        for (one, path) in reviewed.into_iter().zip(paths) {
            done.push(self.sign(one, path, &actor, output).await?);
        }
        let mut result = done.first().cloned().unwrap_or_default();
        if done.len() > 1 {
            result["steps"] = json!(done);
        }
        output.result(&result);
        Ok(())
    }

    /// Signs one, where there is a key, and writes it or hands it in.
    async fn sign(
        &self,
        reviewed: Reviewed,
        path: Option<PathBuf>,
        actor: &Actor,
        output: Output,
    ) -> Result<Value> {
        let Reviewed { draft, mut proposal, view } = reviewed;
        let seen = self.scene.chain()?;
        let mut standing = None;
        if let Some(key) = &actor.key {
            let owner = key.address();
            let signature = OwnerSignature::Ecdsa(key.sign(proposal.request(), output).await?);
            let bytes = signature.to_bytes();
            proposal.add(owner, signature)?;
            if let Some(relayer) = &self.scene.relayer {
                let taken = relayer.propose(&proposal, owner, bytes).await?;
                let answered = relayer.examine_taken(taken.answer, Some(&seen.chain)).await?;
                let told = answered.standing(relayer);
                let (digest, host, status) =
                    (proposal.digest(), relayer.name(), told.status_line());
                output.say(&format!("\n{digest} handed in at the relayer {host}: {status}"));
                standing = Some(told);
            }
        }
        if let Some(path) = &path {
            files::create(path, &proposal.to_json())?;
            output.say(&written(path, &draft, actor));
        }
        let completers: Vec<_> = draft.completers.iter().map(|role| role.name()).collect();
        Ok(json!({
            "file": path.map(|path| path.display().to_string()),
            "digest": proposal.digest(),
            "verb": self.verb.name(),
            "role": actor.role.name(),
            "lane": draft.nonce.lane.to_string(),
            "sequence": draft.nonce.sequence,
            "deadline": proposal.request().deadline,
            "signed": actor.key.is_some(),
            "completedBy": completers,
            "token": self.money.token.to_checksum(None),
            "outcome": draft.outcome,
            "relayer": standing,
            "review": view,
        }))
    }

    async fn review(&self, proposal: &Proposal, output: Output) -> Result<View> {
        let Doing { act, scene, .. } = *self;
        let seen = scene.chain()?;
        let facts = Facts::beside(seen.state.clone(), &seen.chain, proposal);
        let facts = output.during("reading the chain", facts).await?;
        let (relayer, tokens) = (scene.relayer.as_ref(), facts.tokens.clone());
        let files = act.beside.beside.clone();
        let places = Places { relayer, files, tokens, ..Places::default() };
        let places = places.around(act.out.as_deref().or(Some(&act.file)));
        let state = Some((&seen.chain, &facts.state));
        let open = open_proposals::that_pay_again(&[proposal], &places, state, output).await?;
        let executor = if relayer.is_some() { Executor::Relayer } else { Executor::Anybody };
        let known = Known { facts: Some(&facts), executor, open: &open, standing: None };
        Ok(review(proposal, known, output))
    }

    /// Where they are written: nowhere what is handed in, if no file is named.
    fn paths(&self, actor: &Actor, reviewed: &[Reviewed]) -> Result<Vec<Option<PathBuf>>> {
        let is_handed_in = self.scene.relayer.is_some() && actor.key.is_some();
        let path = |(place, one): (usize, &Reviewed)| match &self.act.out {
            Some(out) => Some(numbered(out, place)),
            None if is_handed_in => None,
            None => {
                let digest = one.proposal.digest().to_string();
                Some(PathBuf::from(format!("{}-{}.json", self.verb.name(), &digest[2..10])))
            }
        };
        let paths: Vec<_> = reviewed.iter().enumerate().map(path).collect();
        for path in paths.iter().flatten() {
            files::check_free(path)?;
        }
        Ok(paths)
    }
}

fn confirm(actor: &Actor, output: Output) -> Result<()> {
    let Some(key) = &actor.key else { return Ok(()) };
    let name = key.address().to_checksum(None);
    let question = format!("Sign this as the {}, {name}?", actor.role);
    if output.is_interactive() && !output.confirm(&question) {
        return Err(Cause::DangerNotAccepted.error("not signed"));
    }
    Ok(())
}

/// An offer begins with how long others may complete it.
fn said_first(draft: &Draft, deadline: u64, now: u64) -> Vec<String> {
    let mut lines = Vec::new();
    if !draft.completers.is_empty() && draft.action != (Action::Cancel {}) {
        let until = clock::words_here(deadline, now);
        let who = listed(&draft.completers, "or");
        lines.push(format!(
            "Until {until}, {who} may complete this offer, and once signed it cannot be taken back."
        ));
    }
    lines.extend(draft.lines.iter().cloned());
    lines
}

/// `out.json`, `out-2.json`.
fn numbered(out: &Path, place: usize) -> PathBuf {
    if place == 0 {
        return out.to_owned();
    }
    let stem = out.file_stem().unwrap_or_default().to_string_lossy();
    let name = match out.extension() {
        Some(extension) => format!("{stem}-{}.{}", place + 1, extension.to_string_lossy()),
        None => format!("{stem}-{}", place + 1),
    };
    out.with_file_name(name)
}

fn written(path: &Path, draft: &Draft, actor: &Actor) -> String {
    let path = path.display();
    match (&actor.key, &draft.completers[..]) {
        (None, []) => format!("\n{path} written: let the {} sign it", actor.role),
        (None, _) => format!("\n{path} written: let the {} sign it first", actor.role),
        (Some(_), []) => format!("\n{path} written and signed: `quorate submit {path}` sends it"),
        (Some(_), completers) => format!(
            "\n{path} written and signed: {} completes it with `quorate sign {path}`, then `quorate submit {path}` sends it",
            listed(completers, "or")
        ),
    }
}
