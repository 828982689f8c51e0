//! The model of `EscrowPolicy` next to the contract: the same answer, for the same reason.
//!
//! Each question is asked of a wallet that is put there for one call: its code (which holds the terms), what it has, whether
//! it was disputed, and the time of the block are overridden; its parties sign with their keys. So what is compared is what a
//! transaction would come to, through the wallet.

use alloy::{
    primitives::{Address, B256, Bytes, U256, keccak256, map::B256HashMap},
    providers::Provider as _,
    rpc::types::{
        BlockOverrides, TransactionRequest,
        state::{AccountOverride, StateOverride},
    },
    sol_types::{Panic, SolError as _, SolInterface as _, SolValue as _},
    transports::RpcError,
};
use eyre::{Result, bail, ensure};
use proptest::{
    prelude::*,
    strategy::ValueTree as _,
    test_runner::{Config as Settings, RngAlgorithm, TestRng, TestRunner},
};
use quorate_bindings::{
    canonical,
    contracts::{EscrowPolicy as policy, IWallet},
};
use quorate_core::{
    Action, Config, Lane, Nonce, Request,
    action::{Call, Transfer},
    amount::EVERYTHING_LEFT,
    creation, packing,
};
use quorate_lab::{anvil::Chain, deploy, owners::owner, signatures::sign, tokens};
use quorate_treasury::{
    EscrowTerms,
    escrow::{
        model::{Agreement, Question, Refusal, TermsRefusal},
        party::{Role, Signers},
    },
    escrow_terms::Party,
};
use std::collections::BTreeMap;

/// How many questions are compared.
const QUESTIONS: usize = 10_500;

/// How many of them are on their way at once.
const AT_ONCE: usize = 32;

/// Above every time that is asked about.
const DEADLINE: u64 = 1 << 40;

/// Where the last block of the chain is in time, at the most; what is asked about lies behind it.
const BEGIN: u64 = 5_000_000_000;

/// The numbers of the parties' keys.
const PARTIES: [u64; 3] = [5, 6, 7];

#[derive(Clone, Debug)]
struct Case {
    terms: EscrowTerms,
    signers: Signers,
    lane: Lane,
    action: Action,
    now: u64,
    disputed: bool,
    balance: U256,
}

/// What came of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Yes,
    No(Refusal),
}

fn accounts() -> [Address; 3] {
    PARTIES.map(|number| owner(number).address())
}

fn terms() -> impl Strategy<Value = EscrowTerms> {
    let secs = prop_oneof![Just(0_u32), Just(1), 1..1_000_000_u32, any::<u32>()];
    let cap = prop_oneof![Just(0_u16), Just(1), Just(10_000), 0..=10_000_u16];
    let expiry = prop_oneof![BEGIN..BEGIN + 3_000_000, Just(1), 1..BEGIN];
    (expiry, secs, any::<bool>(), cap, any::<[u8; 32]>()).prop_map(
        |(expiry, arbitration_secs, seller, arbiter_fee_cap_bps, hash)| EscrowTerms {
            expiry,
            arbitration_secs,
            beneficiary: if seller { Party::Seller } else { Party::Buyer },
            arbiter_fee_cap_bps,
            terms_hash: hash.into(),
        },
    )
}

fn payee() -> impl Strategy<Value = Address> {
    let [buyer, seller, arbiter] = accounts();
    prop_oneof![
        4 => Just(buyer),
        4 => Just(seller),
        3 => Just(arbiter),
        1 => Just(Address::repeat_byte(0x77)),
    ]
}

fn amount() -> impl Strategy<Value = U256> {
    prop_oneof![
        3 => Just(EVERYTHING_LEFT),
        6 => (0_u64..2_000).prop_map(U256::from),
        1 => Just(EVERYTHING_LEFT - U256::from(1)),
        2 => Just(U256::MAX >> 4),
        1 => any::<[u64; 4]>().prop_map(U256::from_limbs),
    ]
}

fn action() -> impl Strategy<Value = Action> {
    let transfer = (payee(), amount()).prop_map(|(to, amount)| Transfer { to, amount });
    let transfers = proptest::collection::vec(transfer, 0..4);
    let payout = (any::<bool>(), transfers).prop_map(|(ether, transfers)| {
        let token = if ether { Address::ZERO } else { tokens::USDC.address() };
        Action::Payout { token, transfers }
    });
    let harmless = Call { to: Address::repeat_byte(0x55), value: U256::ZERO, data: Bytes::new() };
    let calls = prop_oneof![
        Just(vec![harmless.clone()]),
        Just(vec![]),
        Just(vec![Call { data: Bytes::from_static(b"x"), ..harmless }]),
    ];
    let near_dispute = any::<u8>().prop_map(|kind| {
        let Action::Execute { mut calls } = Agreement::dispute() else { unreachable!() };
        match kind % 5 {
            0 => calls[0].value = U256::ONE,
            1 => calls[0].data = [&calls[0].data[..], &[0]].concat().into(),
            2 => calls[0].data = Bytes::new(),
            3 => calls[0].to = Address::repeat_byte(0x55),
            _ => calls.push(calls[0].clone()),
        }
        Action::Execute { calls }
    });
    prop_oneof![
        9 => payout,
        4 => Just(Agreement::dispute()),
        1 => near_dispute,
        1 => calls.prop_map(|calls| Action::Execute { calls }),
        1 => Just(Action::Cancel {}),
        1 => Just(Action::Reconfigure {
            config: Config::new(1, accounts().to_vec(), Address::ZERO, Bytes::new())
                .expect("three owners"),
        }),
    ]
}

fn case() -> impl Strategy<Value = Case> {
    let lane = prop_oneof![
        3 => Just(None),
        1 => (0_u64..5).prop_map(Some),
        1 => Just(Some(u64::MAX)),
    ];
    let around = (any::<bool>(), -2_i64..3, 0_u64..4_000_000, any::<bool>());
    let balance = prop_oneof![
        3 => (0_u64..3_000).prop_map(U256::from),
        1 => Just(U256::MAX / U256::from(10_000)),
        2 => Just(U256::MAX >> 3),
    ];
    (terms(), 1_u8..8, lane, action(), around, any::<bool>(), balance).prop_map(
        |(terms, bits, lane, action, (near, step, far, late), disputed, balance)| {
            let signers = Signers::from_bits(bits);
            // Mostly the right lane, for the rest is refused at once.
            let lane = match lane {
                None => signers.alone().map_or(Lane::ZERO, Role::lane),
                Some(number) => Lane::new(alloy::primitives::aliases::U192::from(number)),
            };
            let moment = terms.timeout(late);
            let now = if near { moment.saturating_add_signed(step) } else { BEGIN + far };
            let now = now.max(BEGIN);
            Case { terms, signers, lane, action, now, disputed, balance }
        },
    )
}

/// Where Solidity keeps what a mapping has at a key.
fn slot_of(key: impl Into<B256>, mapping: B256) -> B256 {
    keccak256((key.into(), mapping).abi_encode())
}

/// What a call with this case comes to on the chain.
async fn ask(chain: &Chain, case: &Case) -> Result<Answer> {
    let config = Config::new(
        1,
        accounts().to_vec(),
        canonical::ESCROW_POLICY.address,
        case.terms.to_policy_data(),
    )?;
    let wallet = creation::wallet_address(&config, B256::ZERO)?;
    let request = Request {
        chain_id: chain.id(),
        wallet,
        epoch: 0,
        action: case.action.clone(),
        nonce: Nonce::new(case.lane, 0),
        deadline: DEADLINE,
    };
    let keys: Vec<_> =
        case.signers.roles().map(|role| owner(PARTIES[usize::from(role.index())])).collect();
    let signatures = packing::pack(&config, &sign(&request.digest(), &keys)?)?;
    let here = AccountOverride {
        code: Some(creation::wallet_code(&config).into()),
        balance: Some(case.balance),
        ..AccountOverride::default()
    };
    let storage = |slot, value: U256| AccountOverride {
        state_diff: Some(B256HashMap::from_iter([(slot, B256::from(value))])),
        ..AccountOverride::default()
    };
    let disputed = slot_of(B256::ZERO, slot_of(wallet.into_word(), B256::ZERO));
    let held = slot_of(wallet.into_word(), B256::ZERO);
    let overrides = StateOverride::from_iter([
        (wallet, here),
        (canonical::ESCROW_POLICY.address, storage(disputed, U256::from(case.disputed))),
        (tokens::USDC.address(), storage(held, case.balance)),
    ]);
    let call = TransactionRequest::default()
        .from(chain.sender())
        .to(wallet)
        .input(request.calldata(signatures).into());
    let time = BlockOverrides { time: Some(case.now), ..BlockOverrides::default() };
    let answer = chain.provider().call(call).overrides(overrides).with_block_overrides(time).await;
    let error = match answer {
        Ok(_) => return Ok(Answer::Yes),
        Err(RpcError::ErrorResp(error)) => error,
        Err(error) => bail!("{error}"),
    };
    let Some(data) = error.as_revert_data() else { bail!("{case:?}: {error}") };
    match IWallet::IWalletErrors::abi_decode_validate(&data) {
        Ok(IWallet::IWalletErrors::PolicyRefused(refused)) => {
            ensure!(refused.policy == canonical::ESCROW_POLICY.address);
            Ok(Answer::No(reason(&refused.reason)?))
        }
        // The policy agreed; what it agreed to fails.
        Ok(IWallet::IWalletErrors::CallFailed(failed)) => {
            let is_disputed = policy::AlreadyDisputed::abi_decode_validate(&failed.reason).is_ok();
            // Two or three that dispute twice in one batch are no question to the policy.
            let is_alone = case.action == Agreement::dispute() && case.signers != Signers::ALL;
            if is_disputed && is_alone {
                return Ok(Answer::No(Refusal::AlreadyDisputed));
            }
            Ok(Answer::Yes)
        }
        Ok(IWallet::IWalletErrors::TransferFailed(_)) => Ok(Answer::Yes),
        other => bail!("{case:?}: {other:?}"),
    }
}

fn reason(data: &[u8]) -> Result<Refusal> {
    use policy::EscrowPolicyErrors as Errors;
    if let Ok(panic) = Panic::abi_decode_validate(data) {
        ensure!(panic.code == U256::from(0x11), "panic {}", panic.code);
        return Ok(Refusal::Overflow);
    }
    let signers = |bits: U256| Signers::from_bits(bits.to());
    Ok(match Errors::abi_decode_validate(data)? {
        Errors::LaneNotAllowed(e) => {
            Refusal::LaneNotAllowed { lane: e.lane.to(), signers: signers(e.signers) }
        }
        Errors::PayeeNotAllowed(e) => Refusal::PayeeNotAllowed {
            index: e.index.to(),
            payee: e.payee,
            signers: signers(e.signers),
            timeout: e.timeout.to(),
        },
        Errors::FeeNotExact(e) => Refusal::FeeNotExact { index: e.index.to() },
        Errors::AmountAboveBalance(e) => {
            Refusal::AmountAboveBalance { index: e.index.to(), amount: e.amount, left: e.left }
        }
        Errors::FeeAboveCap(e) => {
            Refusal::FeeAboveCap { fee: e.fee, moved: e.moved, cap_bps: e.arbiterFeeCapBps.to() }
        }
        Errors::NeedsAllParties(e) => Refusal::NeedsAllParties { signers: signers(e.signers) },
        Errors::DisputeTooLate(e) => {
            Refusal::DisputeTooLate { expiry: e.expiry.to(), now: e.timestamp.to() }
        }
        other => bail!("{other:?}"),
    })
}

fn expected(case: &Case) -> Answer {
    let wallet = Address::ZERO;
    let agreement = Agreement { wallet, owners: accounts(), terms: case.terms };
    let question = Question {
        action: &case.action,
        lane: case.lane,
        signers: case.signers,
        now: case.now,
        disputed: case.disputed,
        balance: case.balance,
    };
    agreement.check(&question).map_or_else(Answer::No, |()| Answer::Yes)
}

/// The name of an answer, and who got it.
fn name(answer: &Answer) -> String {
    match answer {
        Answer::Yes => "Yes".to_owned(),
        Answer::No(refusal) => {
            let text = format!("{refusal:?}");
            text.split(' ').next().unwrap_or_default().to_owned()
        }
    }
}

fn cases(count: usize) -> Vec<Case> {
    // One seed, so that a failure is found again.
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[14; 32]);
    let mut runner = TestRunner::new_with_rng(Settings::default(), rng);
    let strategy = case();
    let new = |_| strategy.new_tree(&mut runner).expect("nothing is rejected").current();
    (0..count).map(new).collect()
}

#[tokio::test]
async fn the_model_answers_what_the_contract_answers_and_for_the_same_reason() -> Result<()> {
    let chain = Chain::start()?;
    deploy::canonical(&chain).await?;
    tokens::USDC.deploy(&chain).await?;
    let mut seen = BTreeMap::<String, usize>::new();
    let all = cases(QUESTIONS);
    for part in all.chunks(AT_ONCE) {
        let answers = part.iter().map(|case| ask(&chain, case));
        let mut pending: Vec<_> = answers.map(Box::pin).collect();
        let answers = futures_all(&mut pending).await;
        for (case, answer) in part.iter().zip(answers) {
            let (answer, expected) = (answer?, expected(case));
            ensure!(answer == expected, "{case:?}\ncontract {answer:?}\nmodel    {expected:?}");
            *seen.entry(name(&answer)).or_default() += 1;
        }
    }
    // Nothing is left out: every reason was met, and often enough.
    for reason in [
        "Yes",
        "LaneNotAllowed",
        "PayeeNotAllowed",
        "FeeNotExact",
        "AmountAboveBalance",
        "FeeAboveCap",
        "NeedsAllParties",
        "DisputeTooLate",
        "AlreadyDisputed",
        "Overflow",
    ] {
        let count = seen.get(reason).copied().unwrap_or_default();
        ensure!(count >= 5, "{reason}: met {count} times of {QUESTIONS}: {seen:?}");
    }
    Ok(())
}

/// All of them at once; the order of the answers is that of the questions.
async fn futures_all<T, F: Future<Output = T> + Unpin>(pending: &mut [F]) -> Vec<T> {
    let mut done: Vec<Option<T>> = pending.iter().map(|_| None).collect();
    std::future::poll_fn(|cx| {
        for (place, future) in pending.iter_mut().enumerate() {
            if done[place].is_none()
                && let std::task::Poll::Ready(answer) = std::pin::Pin::new(future).poll(cx)
            {
                done[place] = Some(answer);
            }
        }
        if done.iter().all(Option::is_some) {
            std::task::Poll::Ready(())
        } else {
            std::task::Poll::Pending
        }
    })
    .await;
    done.into_iter().flatten().collect()
}

/// A new escrow: the terms that the factory takes, and those that it does not.
#[tokio::test]
async fn new_terms_are_taken_and_refused_as_by_the_contract() -> Result<()> {
    let chain = Chain::start()?;
    deploy::canonical(&chain).await?;
    let now = chain.now().await?;
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[41; 32]);
    let mut runner = TestRunner::new_with_rng(Settings::default(), rng);
    let limit = quorate_treasury::escrow::model::MAX_TERM_SECS;
    let (mut taken, mut refused) = (0, 0);
    for _ in 0..300 {
        let far = (-2_i64..3).prop_map(move |step| (now + limit).saturating_add_signed(step));
        let expiry = prop_oneof![Just(0_u64), Just(1), far, any::<u64>(), now..now + 1_000];
        let cap = prop_oneof![Just(10_000_u16), Just(10_001), any::<u16>()];
        let secs = prop_oneof![Just(0_u32), Just(1), any::<u32>()];
        let tree = (expiry, secs, cap).new_tree(&mut runner).expect("nothing is rejected");
        let (expiry, arbitration_secs, arbiter_fee_cap_bps) = tree.current();
        let terms = EscrowTerms {
            expiry,
            arbitration_secs,
            beneficiary: Party::Buyer,
            arbiter_fee_cap_bps,
            terms_hash: B256::ZERO,
        };
        let data = terms.to_policy_data();
        let address = canonical::ESCROW_POLICY.address;
        let config = Config::new(1, accounts().to_vec(), address, data)?;
        let input = policy::checkConfigCall { config: convert(&config) };
        let call = TransactionRequest::default()
            .to(address)
            .input(alloy::sol_types::SolCall::abi_encode(&input).into());
        let time = BlockOverrides { time: Some(now), ..BlockOverrides::default() };
        let answer = chain.provider().call(call).with_block_overrides(time).await;
        match (answer, terms.check_new(now)) {
            (Ok(_), Ok(())) => taken += 1,
            (Err(RpcError::ErrorResp(error)), Err(why)) => {
                let data = error.as_revert_data().unwrap_or_default();
                use policy::EscrowPolicyErrors as Errors;
                let is_same = match (Errors::abi_decode_validate(&data)?, why) {
                    (Errors::ExpiryOutOfRange(_), TermsRefusal::ExpiryOutOfRange { .. }) => true,
                    (Errors::FeeCapOutOfRange(e), TermsRefusal::FeeCapOutOfRange { cap_bps }) => {
                        e.arbiterFeeCapBps == U256::from(cap_bps)
                    }
                    _ => false,
                };
                ensure!(is_same, "{terms:?}: {error} {why}");
                refused += 1;
            }
            (answer, model) => bail!("{terms:?}: contract {answer:?}, model {model:?}"),
        }
    }
    ensure!(taken > 20 && refused > 20, "{taken} {refused}");
    Ok(())
}

fn convert(config: &Config) -> policy::Config {
    policy::Config {
        threshold: config.threshold(),
        owners: config.owners().to_vec(),
        policy: config.policy().unwrap_or_default(),
        policyData: config.policy_data().clone(),
    }
}
