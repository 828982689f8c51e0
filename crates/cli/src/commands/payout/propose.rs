//! `quorate payout propose` and `resume`.

mod dangers;
mod note;
mod queue;
mod told;

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
    commands::{
        hand_in::{Around, Desk, Draft, HandedIn},
        propose::treasury_rules,
    },
    failure::{Cause, cause_of},
    files,
    open_proposals::{self, Places},
    output::{Output, Sheet},
    relayer_access::{self, Relayer},
    review::{self, Danger, DangerCode, Facts, alike},
    runs,
};
use alloy::primitives::{Address, B256};
use eyre::Result;
use quorate_chain::{Chain, Token, WalletState};
use quorate_core::{
    Proposal, Request,
    proposal::{Origin, RunTag},
};
use quorate_treasury::{
    Plan, Rules,
    rules::file::Span,
    run::{Ask, Asked, Run, Wanted},
};
use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Path, PathBuf},
};

pub(crate) async fn propose(arguments: PayoutPropose, output: Output) -> Result<()> {
    let PayoutPropose { file, run, wallet, list, propose } = arguments;
    let deadline = Deadline::read(propose.deadline.as_deref(), output.now)?;
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
    let deadline = Deadline::read(propose.deadline.as_deref(), output.now)?;
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
        deadline: Deadline,
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
            origin: self.named.origin.as_ref(),
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
        let rules = state.config.as_ref().and_then(treasury_rules);
        let delayed = match &rules {
            Some(rules) if rules.delay_secs > 0 => {
                queue::Delayed::of(rules, &asked, &seen, (&chain, &state)).await?
            }
            _ => queue::Delayed::default(),
        };
        let deadline = match &rules {
            Some(rules) if !delayed.is_empty() => deadline.after_delay(rules, output.now)?,
            _ => deadline.time,
        };
        let scene = Scene { chain, state, origin, seen, run, asked, deadline, folder };
        let drafts = self.drafts(&scene)?;
        let queue = delayed.queue(&drafts, &scene, relayer.as_ref()).await?;
        let places = Places {
            relayer: relayer.as_ref(),
            files: beside.beside,
            of_run: scene.of_run(&self.plan),
            tokens: self.tokens.clone(),
            ..Places::default()
        };
        let places = places.around(scene.folder.as_deref());
        let asked: Vec<_> =
            scene.asked.asks.iter().map(|ask| (ask.number, ask.places.clone())).collect();
        let tried = simulated::run(&self.plan, &asked, &scene.chain, output).await?;
        let was_proposed =
            !scene.of_run(&self.plan).is_empty() || !scene.seen.executions.is_empty();
        if let Some(refusal) = tried.refusal(was_proposed) {
            return Err(Cause::BadInput.error(refusal));
        }
        for text in tried.failing {
            self.dangers.push(Danger::new(DangerCode::SimulationFails, text));
        }
        self.remarks.extend(tried.short.into_iter().chain(tried.contracts).chain(tried.unchecked));
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
        let mut queued = None;
        let lines = match &desk {
            None if drafts.is_empty() && queue.is_none() => {
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
                let lines = scene.written(&self.plan, drafts)?;
                queued = scene.written_queue(&self.plan, queue.as_ref())?;
                (lines, None)
            }
            Some(_) if drafts.is_empty() && scene.asked.alive.is_empty() && queue.is_none() => {
                output.say(&self.head(&around.dangers, deadline, output).finish());
                output.accept(&around.dangers, &accepted_words)?;
                (Vec::new(), None)
            }
            Some(desk) => {
                around.signed = Some(scene.signed_at_relayer());
                queued = queue.as_ref().map(|queue| queue::Told::of(queue, None));
                self.hand_in(&scene, desk, (queue, drafts), &around, output).await?
            }
        };
        for text in self.remarks.iter().chain(&short) {
            output.warn(text);
        }
        let name = desk.as_ref().map(|desk| desk.relayer.name().to_owned());
        self.tell(&scene, (lines.0, lines.1, queued), (&around.dangers, name), output)
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
                Proposal::new(request, Some(note::note(&self.plan, ask)), scene.origin.clone())?;
            let (name, plan_hash) = (self.plan.run.clone(), self.plan.hash);
            let proposal = proposal.with_run(RunTag { name, batch: ask.number, plan_hash });
            Ok((ask.clone(), proposal))
        };
        scene.asked.asks.iter().map(draft).collect()
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
        (queue, drafts): (Option<Proposal>, Vec<(Ask, Proposal)>),
        around: &Around,
        output: Output,
    ) -> Result<(Vec<Line>, Option<Address>)> {
        output.say(&self.head(&around.dangers, scene.deadline, output).finish());
        let was_written = self.write_plan()?;
        let drafts = scene.with_known(&self.plan, drafts)?;
        let mut to_hand_in = Vec::new();
        // What lets them wait goes first: the delay begins when that is executed.
        let first = usize::from(queue.is_some());
        if let Some(proposal) = queue {
            let facts = Facts::beside(scene.state.clone(), &scene.chain, &proposal).await?;
            to_hand_in.push(Draft { proposal, facts, is_known: false });
        }
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
        let handed_in = handed_in.get(first..).unwrap_or_default();
        let mut lines: Vec<_> = drafts.iter().zip(handed_in).map(line).collect();
        if let Some(folder) = &scene.folder {
            let new = lines.iter_mut().zip(handed_in).filter(|(line, _)| line.word == "new");
            for (line, done) in new {
                let path = free_name(&self.plan, folder, line.number);
                create(&path, &done.proposal.to_json())?;
                line.file = Some(path);
            }
        }
        Ok((lines, Some(owner)))
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

    /// Writes the file of what lets batches wait.
    fn written_queue(&self, plan: &Plan, queue: Option<&Proposal>) -> Result<Option<queue::Told>> {
        let Some(queue) = queue else { return Ok(None) };
        let folder = self.folder.as_deref().unwrap_or(Path::new("."));
        let name = |more: String| folder.join(format!("{}{more}.queue.json", plan.run));
        let mut names = std::iter::once(name(String::new()))
            .chain((2..).map(|count: u64| name(format!("-{count}"))));
        let path = names.find(|path| !path.exists()).unwrap_or_else(|| name(String::new()));
        create(&path, &queue.to_json())?;
        Ok(Some(queue::Told::of(queue, Some(path))))
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

/// How long owners have once the delay of a treasury is over: a week.
const AFTER_DELAY_SECS: u64 = 7 * 86_400;

/// Until when batches can be executed.
#[derive(Clone, Copy, Debug)]
struct Deadline {
    time: u64,
    is_given: bool,
}

impl Deadline {
    fn read(text: Option<&str>, now: u64) -> Result<Self> {
        let time = clock::parse_deadline(text.unwrap_or("7d"), now)?;
        Ok(Self { time, is_given: text.is_some() })
    }

    /// The same for what waits, which has to leave a week after the delay.
    fn after_delay(self, rules: &Rules, now: u64) -> Result<u64> {
        let least = now.saturating_add(u64::from(rules.delay_secs) + AFTER_DELAY_SECS);
        if self.is_given && self.time < least {
            return Err(Cause::BadInput.error(format!(
                "--deadline: by the rules of this treasury batches wait {}, and should have a week after that: give {} or later",
                Span(rules.delay_secs),
                clock::words(least, now)
            )));
        }
        Ok(if self.is_given { self.time } else { least })
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
