//! `quorate payout propose` and `resume`.

use super::{
    list::{Planned, Source},
    opened,
    plan::{self, head, path_of, shortfalls},
    seen::{Reader, Seen, accepted},
    simulated,
};
use crate::{
    arguments::{PayoutPropose, PayoutResume, ProposeOptions},
    book_access,
    chain_access::{self, Named},
    clock,
    commands::hand_in::{Around, Desk, Draft, HandedIn},
    failure::{Cause, cause_of},
    files,
    open_proposals::{self, Places},
    output::{Output, Sheet, counted},
    relayer_access::{self, Relayer},
    review::{self, Danger, DangerCode, Facts, again, alike, exact_text},
    runs,
};
use alloy::primitives::{Address, B256};
use eyre::Result;
use quorate_chain::{Chain, Token, WalletState};
use quorate_core::{
    Proposal, Request,
    proposal::{Origin, RunTag},
    text,
};
use quorate_treasury::{
    Plan,
    payout_plan::shown_token,
    run::{Ask, Asked, LineStanding, Run, Waiting, Wanted, Word},
};
use serde_json::{Value, json};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

pub(crate) async fn propose(arguments: PayoutPropose, output: Output) -> Result<()> {
    let PayoutPropose { file, run, wallet, list, propose } = arguments;
    let deadline = clock::parse_deadline(&propose.deadline, output.now)?;
    let wallet = wallet.filter(|wallet| !wallet.is_empty());
    let opened = opened::read_if_plan(&file)?;
    let book = book_access::read(&propose.book)?;
    let (task, chain) = match opened {
        Some(plan) => {
            let named = opened::wallet_of(&plan, run.as_deref(), wallet.as_deref())?;
            let chain = chain_access::connect(&propose.chain, output).await?;
            (Task::of_plan(plan, named, Some(file)), chain)
        }
        None => {
            let no_run = || Cause::Usage.error("a list needs the name of its run: give --run NAME");
            let no_wallet =
                || Cause::Usage.error("no wallet: give --wallet, or set QUORATE_WALLET");
            let run = run.ok_or_else(no_run)?;
            let named = Named::read(&wallet.ok_or_else(no_wallet)?)?;
            let chain = chain_access::connect(&propose.chain, output).await?;
            let source = Source {
                file: &file,
                run: &run,
                wallet: &named,
                options: &list,
                book: &book,
                chain: Some(&chain),
                chain_id: chain.id(),
            };
            let Planned { plan, tokens, dangers, remarks } = source.planned(output).await?;
            let path = path_of(&plan.run);
            plan::check_free(&path, &plan)?;
            let (plan_path, is_new) = (Some(path), true);
            let wanted = Wanted::default();
            let task = Task { plan, plan_path, is_new, named, tokens, dangers, remarks, wanted };
            (task, chain)
        }
    };
    task.run(propose, chain, deadline, output).await
}

pub(crate) async fn resume(arguments: PayoutResume, output: Output) -> Result<()> {
    let PayoutResume { plan: path, run, wallet, set_aside, again, propose } = arguments;
    let deadline = clock::parse_deadline(&propose.deadline, output.now)?;
    let plan = opened::read(&path)?;
    let named = opened::wallet_of(&plan, run.as_deref(), wallet.as_deref())?;
    let chain = chain_access::connect(&propose.chain, output).await?;
    let mut task = Task::of_plan(plan, named, Some(path));
    task.wanted = Wanted { set_aside, again: again.into_iter().collect() };
    task.run(propose, chain, deadline, output).await
}

/// What is to be proposed.
struct Task {
    plan: Plan,
    plan_path: Option<PathBuf>,
    /// Whether the plan was made from a list just now, and is to be written.
    is_new: bool,
    named: Named,
    tokens: BTreeMap<Address, Token>,
    dangers: Vec<Danger>,
    remarks: Vec<String>,
    wanted: Wanted,
}

/// What is known when proposals are made.
struct Scene {
    chain: Chain,
    state: WalletState,
    origin: Option<Origin>,
    seen: Seen,
    run: Run,
    asked: Asked,
    deadline: u64,
    folder: Option<PathBuf>,
}

/// What is handed in, or signed where the relayer has it.
struct Handed {
    number: u64,
    places: Vec<usize>,
    proposal: Proposal,
    is_known: bool,
}

/// What became of a batch.
struct Line {
    number: u64,
    /// `new`, `proposed` before, or where the batch stands.
    word: &'static str,
    digest: Option<B256>,
    file: Option<PathBuf>,
    /// How many have signed, of how many.
    signed: Option<(usize, u8)>,
    standing: Option<review::Standing>,
    places: Vec<usize>,
}

impl Task {
    fn of_plan(plan: Plan, named: Named, plan_path: Option<PathBuf>) -> Self {
        let (tokens, dangers, remarks) = Default::default();
        let (is_new, wanted) = (false, Wanted::default());
        Self { plan, plan_path, is_new, named, tokens, dangers, remarks, wanted }
    }

    async fn run(
        mut self,
        options: ProposeOptions,
        chain: Chain,
        deadline: u64,
        output: Output,
    ) -> Result<()> {
        let ProposeOptions { out, reading, beside, accept, access, key, .. } = options;
        let relayer = Relayer::find(&access, output)?;
        let accepted_words = accept.accept.clone();
        let desk = Desk::open(relayer.as_ref(), accept, key);
        if let Some(relayer) = &relayer {
            let wallet = relayer.wallet(chain.id(), self.named.address).await?;
            self.named = self.named.with_origin(wallet.origin());
            relayer_access::present_state(&wallet, &chain).await?;
        }
        let state = output.during("reading the wallet", self.named.usable_state(&chain)).await?;
        self.read_tokens(&chain).await?;
        let folder = match (&desk, out) {
            (_, Some(out)) => Some(out),
            (None, None) => Some(PathBuf::from(&self.plan.run)),
            (Some(_), None) => None,
        };
        let reader = Reader {
            plan: &self.plan,
            plan_path: self.plan_path.as_deref().filter(|_| !self.is_new),
            beside: &beside.beside,
            folder: folder.as_deref(),
            relayer: relayer.as_ref(),
            chain: &chain,
            state: &state,
            options: &reading,
        };
        let seen = reader.read(output).await?;
        let run = seen.run(&self.plan, &accepted(&accepted_words));
        let known = seen.known();
        self.check_places(&run, &known)?;
        let asked = run.ask(&self.plan, &known, &self.wanted);
        let asked = asked.map_err(|error| Cause::BadInput.error(error.to_string()))?;
        self.dangers.extend(self.dangers_of(&run, &asked, &known));
        let origin = self.named.origin.clone();
        let scene = Scene { chain, state, origin, seen, run, asked, deadline, folder };
        let drafts = self.drafts(&scene)?;
        let places = Places {
            relayer: relayer.as_ref(),
            files: beside.beside,
            of_run: scene.of_run(&self.plan),
            tokens: self.tokens.clone(),
            ..Places::default()
        };
        let places = places.around(scene.folder.as_deref());
        let asked: Vec<_> =
            scene.asked.asks.iter().flat_map(|ask| ask.places.iter().copied()).collect();
        let tried = simulated::run(&self.plan, &asked, &scene.chain, output).await?;
        for text in tried.failing {
            self.dangers.push(Danger::new(DangerCode::SimulationFails, text));
        }
        self.remarks.extend(tried.unchecked);
        for (_, draft) in &drafts {
            let Some(tag) = runs::tag_of(draft) else { continue };
            let seen = scene.plans_seen(&tag.name);
            let found = runs::changed(draft.request(), &tag, seen, |hash| self.plan.is_of(hash));
            for danger in found {
                if !self.dangers.contains(&danger) {
                    self.dangers.push(danger);
                }
            }
        }
        let around_of: Vec<_> = drafts.iter().map(|(_, draft)| draft).collect();
        let look = Some((&scene.chain, &scene.state));
        let open = open_proposals::that_pay_again(&around_of, &places, look, output).await?;
        let mut around = Around { open, ..Around::default() };
        around.dangers.append(&mut self.dangers);
        let short = shortfalls(&self.plan, &self.tokens, &scene.chain).await?;
        let lines = match &desk {
            None if drafts.is_empty() => {
                output.say(&self.head(&around.dangers, deadline, output).finish());
                output.accept(&around.dangers, &accepted_words)?;
                (Vec::new(), None)
            }
            None => {
                let dangers = self.all_dangers(&around, &drafts, output);
                output.say(&self.head(&dangers, deadline, output).finish());
                output.accept(&dangers, &accepted_words)?;
                self.write_plan()?;
                around.dangers = dangers;
                (scene.written(&self.plan, drafts)?, None)
            }
            Some(_) if drafts.is_empty() && scene.asked.alive.is_empty() => {
                output.say(&self.head(&around.dangers, deadline, output).finish());
                output.accept(&around.dangers, &accepted_words)?;
                (Vec::new(), None)
            }
            Some(desk) => {
                around.signed = Some(scene.signed_at_relayer());
                self.hand_in(&scene, desk, drafts, &around, output).await?
            }
        };
        for text in self.remarks.iter().chain(&short) {
            output.warn(text);
        }
        let name = desk.as_ref().map(|desk| desk.relayer.name().to_owned());
        self.tell(&scene, lines, (&around.dangers, name), output)
    }

    /// The tokens of a plan, which have to have the decimals that it says.
    async fn read_tokens(&mut self, chain: &Chain) -> Result<()> {
        for address in self.plan.tokens() {
            if self.tokens.contains_key(&address) {
                continue;
            }
            let mut token = chain.token(address).await?;
            let (shown, planned) = (address.to_checksum(None), self.plan.decimals(address));
            if let Some(told) = token.decimals.filter(|told| *told != planned) {
                return Err(Cause::Mismatch.error(format!(
                    "token {shown} says that it has {told} decimals, the plan {planned}: do not sign it"
                )));
            }
            token.decimals = Some(planned);
            self.tokens.insert(address, token);
        }
        if !self.is_new {
            self.dangers.extend(alike::dangers(&self.tokens));
        }
        Ok(())
    }

    /// Refuses a list that has lines in other batches than they were paid in, or are asked for.
    fn check_places(&self, run: &Run, known: &[quorate_treasury::run::Known]) -> Result<()> {
        let plan = &self.plan;
        let mut misplaced = run.misplaced(plan);
        misplaced.extend(run.misplaced_by(plan, known));
        let Some(first) = misplaced.first() else { return Ok(()) };
        let id = text::shown(&plan.lines[first.place].id);
        let more = match misplaced.len() - 1 {
            0 => String::new(),
            more => format!(", and so are {}", counted(more as u64, "more line", "more lines")),
        };
        Err(Cause::BadInput.error(format!(
            "id {id} is in batch {} of this run by {}, and in another batch of this plan{more}: plan the list with --edit and the run's old plan, or give it a run of another name",
            first.batch, first.digest
        )))
    }

    fn dangers_of(
        &self,
        run: &Run,
        asked: &Asked,
        known: &[quorate_treasury::run::Known],
    ) -> Vec<Danger> {
        let mut dangers = Vec::new();
        let mut seen = BTreeSet::new();
        for (number, digest) in run.stops() {
            if seen.insert(digest) {
                let message = format!(
                    "{digest} used up a nonce of batch {number} and is not what the plan pays there: what it paid is not asked for again, and who got something else by it gets no more"
                );
                dangers.push(Danger::about(DangerCode::LaneConsumed, digest, message));
            }
        }
        for &number in &asked.again {
            let reading = usize::try_from(number).ok().and_then(|place| run.batches.get(place));
            let was = reading.is_some_and(|reading| {
                let word = reading.word(&self.plan, known);
                let no = |line: &LineStanding| {
                    matches!(line, LineStanding::Declined { .. } | LineStanding::LeftOut { .. })
                };
                word == Word::Declined
                    || !reading.places(no).is_empty()
                    || !reading.set_aside(&self.plan, known).is_empty()
            });
            if was {
                let message = format!("owners said no to batch {number}, or to lines of it");
                dangers.push(Danger::new(DangerCode::WasDeclined, message));
            }
        }
        dangers
    }

    /// Proposals of what is asked for.
    fn drafts(&self, scene: &Scene) -> Result<Vec<(Ask, Proposal)>> {
        let draft = |ask: &Ask| {
            let request = Request {
                chain_id: self.plan.chain_id,
                wallet: self.plan.wallet,
                epoch: scene.state.epoch,
                action: ask.action.clone(),
                nonce: ask.nonce,
                deadline: scene.deadline,
            };
            let proposal =
                Proposal::new(request, Some(note(&self.plan, ask)), scene.origin.clone())?;
            let (name, plan_hash) = (self.plan.run.clone(), self.plan.hash);
            let proposal = proposal.with_run(RunTag { name, batch: ask.number, plan_hash });
            Ok((ask.clone(), proposal))
        };
        scene.asked.asks.iter().map(draft).collect()
    }

    /// The dangers of the run: those of the whole, and what its batches would pay again.
    fn all_dangers(
        &self,
        around: &Around,
        drafts: &[(Ask, Proposal)],
        output: Output,
    ) -> Vec<Danger> {
        let mut dangers = around.dangers.clone();
        for (_, proposal) in drafts {
            let (request, note) = (proposal.request(), proposal.note());
            dangers.extend(again::dangers(request, note, &around.open, &self.tokens, output.now));
        }
        dangers
    }

    fn head(&self, dangers: &[Danger], deadline: u64, output: Output) -> Sheet {
        let mut sheet = head(&self.plan, &self.tokens, &[]);
        sheet.row("deadline", &clock::words(deadline, output.now));
        sheet.dangers(dangers);
        sheet
    }

    fn write_plan(&self) -> Result<bool> {
        match &self.plan_path {
            Some(path) if self.is_new => plan::write(path, &self.plan),
            _ => Ok(false),
        }
    }

    /// Hands in what is asked for. The plan of a list is written first.
    async fn hand_in(
        &self,
        scene: &Scene,
        desk: &Desk,
        drafts: Vec<(Ask, Proposal)>,
        around: &Around,
        output: Output,
    ) -> Result<(Vec<Line>, Option<Address>)> {
        output.say(&self.head(&around.dangers, scene.deadline, output).finish());
        let was_written = self.write_plan()?;
        let drafts = scene.with_known(&self.plan, drafts)?;
        let mut to_hand_in = Vec::new();
        for Handed { proposal, is_known, .. } in &drafts {
            let facts = Facts::beside(scene.state.clone(), &scene.chain, proposal);
            let facts = output.during("reading the chain", facts).await?;
            to_hand_in.push(Draft { proposal: proposal.clone(), facts, is_known: *is_known });
        }
        let handed_in = desk.hand_in(to_hand_in, around, &scene.chain, output).await;
        let (owner, handed_in) = match handed_in {
            Ok(done) => done,
            Err(error) => {
                let is_refused = cause_of(&error) == Cause::DangerNotAccepted;
                if let Some(path) = self.plan_path.as_ref().filter(|_| was_written && is_refused) {
                    // Nothing was proposed of it.
                    let _ = std::fs::remove_file(path);
                }
                return Err(error);
            }
        };
        let line = |(handed, done): (&Handed, &HandedIn)| Line {
            number: handed.number,
            word: if done.is_new { "new" } else { "proposed" },
            digest: Some(done.proposal.digest()),
            file: None,
            signed: Some((done.answered.count(), done.answered.threshold())),
            standing: Some(done.answered.standing(&desk.relayer)),
            places: handed.places.clone(),
        };
        let mut lines: Vec<_> = drafts.iter().zip(&handed_in).map(line).collect();
        if let Some(folder) = &scene.folder {
            let new = lines.iter_mut().zip(&handed_in).filter(|(line, _)| line.word == "new");
            for (line, done) in new {
                let path = free_name(&self.plan, folder, line.number);
                create(&path, &done.proposal.to_json())?;
                line.file = Some(path);
            }
        }
        Ok((lines, Some(owner)))
    }

    /// Tells what became of each batch, and how the command ends.
    fn tell(
        &self,
        scene: &Scene,
        (new, signer): (Vec<Line>, Option<Address>),
        (dangers, relayer): (&[Danger], Option<String>),
        output: Output,
    ) -> Result<()> {
        let (plan, asked) = (&self.plan, &scene.asked);
        let known = scene.seen.known();
        let mut new: BTreeMap<_, _> = new.into_iter().map(|line| (line.number, line)).collect();
        let left = asked.asks.iter().filter(|ask| !new.contains_key(&ask.number)).count();
        let is_new_batch = new.values().any(|line| line.word == "new");
        let lines: Vec<_> = scene
            .run
            .batches
            .iter()
            .map(|reading| {
                new.remove(&reading.number)
                    .unwrap_or_else(|| scene.old(plan, reading.number, &known))
            })
            .collect();
        let mut sheet = Sheet::default();
        let folder = scene.folder.as_ref().map(|folder| folder.display().to_string());
        match (&relayer, folder) {
            (Some(name), _) if signer.is_some() => {
                sheet.title(&format!("Handed to the relayer {name}"));
            }
            (_, Some(folder)) if is_new_batch => sheet.title(&format!("Written to {folder}")),
            _ => sheet.title("Batches"),
        }
        for line in &lines {
            let name = line.file.as_ref().and_then(|file| file.file_name());
            let name = name.filter(|_| signer.is_none()).map(|name| name.to_string_lossy());
            let label = name.map_or_else(|| format!("batch {}", line.number), Into::into);
            sheet.row(&label, &self.line_text(line));
            sheet.more(&line.digest.map(|digest| digest.to_string()).unwrap_or_default());
        }
        output.say(&format!("\n{}", sheet.finish()));
        if is_new_batch && signer.is_none() {
            output
                .say("\nLet the owners sign each file: each batch can be paid once, in any order.");
        }
        for text in self.told(scene) {
            output.warn(&text);
        }
        output.result(&self.document(scene, &lines, dangers, signer));
        if let Some((number, consumption)) = scene.run.unknown().first() {
            return Err(Cause::Mismatch.error(format!(
                "what consumed a nonce of batch {number}, {}, cannot be recomputed: name its proposal's file with --beside, or give an endpoint that traces; nothing of that batch is asked for",
                consumption.digest
            )));
        }
        match (left, asked.waiting.len()) {
            (0, 0) => Ok(()),
            (0, waiting) => Err(Cause::NotYet.error(format!(
                "{} until the wallet's last action is final: the same command goes on then",
                counted(waiting as u64, "batch waits", "batches wait")
            ))),
            (left, _) => Err(Cause::NotYet.error(format!(
                "{} not proposed yet: you have as many open proposals as a relayer should have of one owner; the same command goes on once some are executed",
                counted(left as u64, "batch is", "batches are")
            ))),
        }
    }

    /// What is not asked for, and why.
    fn told(&self, scene: &Scene) -> Vec<String> {
        let asked = &scene.asked;
        let mut texts = Vec::new();
        for number in &asked.declined {
            texts.push(format!(
                "batch {number}, or lines of it, was declined and is not asked for: `quorate payout resume PLAN --again {number}` does"
            ));
        }
        for &(place, digest) in &asked.withheld {
            let line = &self.plan.lines[place];
            texts.push(format!(
                "id {}: {} got something else by {digest}, so that this line is not asked for; pay the difference under another name",
                text::shown(&line.id),
                line.payee.to_checksum(None)
            ));
        }
        for (number, digest, moved) in scene.run.leftover() {
            let amount = exact_text(moved.amount, self.tokens.get(&moved.token));
            let to = moved.to.to_checksum(None);
            texts.push(format!(
                "batch {number}: {digest} moved {amount} ({}) to {to}, which is no line of the plan",
                shown_token(moved.token)
            ));
        }
        let aside: Vec<_> =
            asked.set_aside.iter().map(|&place| text::shown(&self.plan.lines[place].id)).collect();
        if !aside.is_empty() {
            texts.push(format!("set aside, and not asked for: {}", aside.join(", ")));
        }
        for (number, waiting) in &asked.waiting {
            texts.push(match waiting {
                Waiting::NonceNotFinal { digest } => {
                    format!("batch {number} waits until {digest} is final")
                }
                Waiting::Reconfigured => {
                    format!("batch {number} waits until the wallet's last reconfiguration is final")
                }
            });
        }
        texts
    }

    fn line_text(&self, line: &Line) -> String {
        let Some(batch) =
            usize::try_from(line.number).ok().and_then(|it| self.plan.batches.get(it))
        else {
            return line.word.to_owned();
        };
        let amount = line.places.iter().map(|&place| self.plan.lines[place].amount).sum();
        let total = exact_text(amount, self.tokens.get(&batch.token));
        let payments = counted(line.places.len() as u64, "payment", "payments");
        let signed = line.signed.map_or_else(String::new, |(count, threshold)| {
            format!(", {count} of {threshold} signatures")
        });
        format!("{}: {payments}, {total}{signed}", line.word)
    }

    fn document(
        &self,
        scene: &Scene,
        lines: &[Line],
        dangers: &[Danger],
        signer: Option<Address>,
    ) -> Value {
        let plan = &self.plan;
        let batch = |line: &Line| {
            let reading = &scene.run.batches[usize::try_from(line.number).unwrap_or_default()];
            let batch = &plan.batches[usize::try_from(line.number).unwrap_or_default()];
            let ids = line.places.iter().map(|&place| plan.lines[place].id.as_str());
            let total: alloy::primitives::U256 =
                line.places.iter().map(|&place| plan.lines[place].amount).sum();
            json!({
                "number": line.number,
                "file": line.file.as_ref().map(|file| file.display().to_string()),
                "digest": line.digest,
                "nonce": reading.present,
                "lane": reading.present.lane.to_string(),
                "sequence": reading.present.sequence,
                "token": shown_token(batch.token),
                "count": line.places.len(),
                "total": total.to_string(),
                "ids": ids.collect::<Vec<_>>(),
                "standing": line.word,
                "signatures": line.signed.map(|(count, _)| count),
                "relayer": line.standing,
            })
        };
        json!({
            "run": plan.run,
            "wallet": plan.wallet.to_checksum(None),
            "planHash": plan.hash,
            "plan": self.plan_path.as_ref().map(|path| path.display().to_string()),
            "deadline": scene.deadline,
            "signer": signer.map(|signer| signer.to_checksum(None)),
            "dangers": dangers,
            "totals": plan::totals(plan, &self.tokens),
            "proposed": lines.iter().filter(|line| line.word == "new").count(),
            "batches": lines.iter().map(batch).collect::<Vec<_>>(),
        })
    }
}

impl Scene {
    /// The proposals of the run that exclude each other, which pay nothing again.
    fn of_run(&self, plan: &Plan) -> BTreeSet<B256> {
        let known = self.seen.known();
        let batches = self.run.batches.iter();
        let of = |reading: &quorate_treasury::run::Reading| -> Vec<B256> {
            let proposed = reading.proposed(plan, &known);
            proposed.iter().map(|(known, _)| known.digest).collect()
        };
        batches.flat_map(of).collect()
    }

    /// The plans of which proposals that live say they are, under this name.
    fn plans_seen(&self, name: &str) -> BTreeSet<B256> {
        let alive = self.seen.found.values().filter(|found| found.known.stage.is_alive());
        let tags = alive.filter_map(|found| runs::tag_of(&found.proposal));
        tags.filter(|tag| tag.name == name).map(|tag| tag.plan_hash).collect()
    }

    /// How many open proposals at the relayer each owner has signed.
    fn signed_at_relayer(&self) -> BTreeMap<Address, usize> {
        let mut signed = BTreeMap::new();
        let open = self
            .seen
            .found
            .values()
            .filter(|found| found.is_at_relayer && found.known.stage.is_alive());
        for owner in open.flat_map(|found| found.proposal.signatures().keys()) {
            *signed.entry(*owner).or_default() += 1;
        }
        signed
    }

    /// What is asked for, and what the relayer has of it, by number.
    fn with_known(&self, plan: &Plan, drafts: Vec<(Ask, Proposal)>) -> Result<Vec<Handed>> {
        let new = drafts.into_iter().map(|(ask, proposal)| Handed {
            number: ask.number,
            places: ask.places,
            proposal,
            is_known: false,
        });
        let mut handed: Vec<_> = new.collect();
        let known = self.seen.known();
        for &(number, digest) in &self.asked.alive {
            let Some(found) = self.seen.found.get(&digest) else { continue };
            let reading = &self.run.batches[usize::try_from(number).unwrap_or_default()];
            let proposed = reading.proposed(plan, &known);
            let places = proposed.into_iter().find(|(known, _)| known.digest == digest);
            let places = places.map(|(_, places)| places).unwrap_or_default();
            let mut proposal = Proposal::new(
                found.proposal.request().clone(),
                found.proposal.note().map(str::to_owned),
                self.origin.clone(),
            )?;
            if let Some(tag) = found.proposal.run() {
                proposal = proposal.with_run(tag.clone());
            }
            for (&owner, signatures) in found.proposal.signatures() {
                for signature in signatures {
                    proposal.add(owner, signature.clone())?;
                }
            }
            let is_known = found.is_at_relayer;
            handed.push(Handed { number, places, proposal, is_known });
        }
        handed.sort_by_key(|handed| handed.number);
        Ok(handed)
    }

    /// Writes the files of what is new.
    fn written(&self, plan: &Plan, drafts: Vec<(Ask, Proposal)>) -> Result<Vec<Line>> {
        let mut lines = Vec::new();
        for (ask, proposal) in drafts {
            let folder = self.folder.as_deref().unwrap_or(Path::new("."));
            let path = free_name(plan, folder, ask.number);
            create(&path, &proposal.to_json())?;
            lines.push(Line {
                number: ask.number,
                word: "new",
                digest: Some(proposal.digest()),
                file: Some(path),
                signed: None,
                standing: None,
                places: ask.places,
            });
        }
        Ok(lines)
    }

    /// Where a batch stands that is not asked for now.
    fn old(&self, plan: &Plan, number: u64, known: &[quorate_treasury::run::Known]) -> Line {
        let place = usize::try_from(number).unwrap_or_default();
        let reading = &self.run.batches[place];
        let alive = self.asked.alive.iter().find(|(alive, _)| *alive == number);
        let digest = alive.map(|(_, digest)| *digest);
        let found = digest.and_then(|digest| self.seen.found.get(&digest));
        let word = match alive {
            Some(_) => "proposed",
            None => reading.word(plan, known).name(),
        };
        let threshold = self.state.config.as_ref().map_or(0, |config| config.threshold());
        Line {
            number,
            word,
            digest: digest.or(reading.consumed.last().map(|(consumption, _)| consumption.digest)),
            file: found.and_then(|found| found.file.clone()),
            signed: found.map(|found| (found.proposal.signatures().len(), threshold)),
            standing: None,
            places: plan.live(&plan.batches[place]),
        }
    }
}

/// A file's name that is not taken yet.
fn free_name(plan: &Plan, folder: &Path, number: u64) -> PathBuf {
    let width = plan.batches.len().saturating_sub(1).to_string().len();
    let name = |more: &str| folder.join(format!("{}.{number:0width$}{more}.json", plan.run));
    let first = name("");
    if !first.exists() {
        return first;
    }
    let others = (2..).map(|count: u64| name(&format!(".{count}")));
    others.into_iter().find(|path| !path.exists()).unwrap_or(first)
}

fn create(path: &Path, text: &str) -> Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(|error| {
            Cause::BadInput.error(format!("cannot make {}: {error}", folder.display()))
        })?;
    }
    files::create(path, text)
}

/// What lets owners see which run this is, and compare its plan.
fn note(plan: &Plan, ask: &Ask) -> String {
    format!(
        "payout run {}, batch {} of {}, ids {}, plan {}",
        plan.run,
        ask.number,
        plan.batches.len(),
        ids(plan, ask),
        plan.hash
    )
}

/// The most bytes of ids in a note, which has at most 2,048.
const LONGEST_IDS: usize = 1_500;

/// All ids, so that the same ids under another name are found; where these do not fit, the first and the last.
fn ids(plan: &Plan, ask: &Ask) -> String {
    let ids: Vec<_> = ask.places.iter().map(|&place| plan.lines[place].id.as_str()).collect();
    let all = ids.join(", ");
    match &ids[..] {
        [first, .., last] if all.len() > LONGEST_IDS => format!("{first} to {last}"),
        _ => all,
    }
}
