//! Tokens that block payees, or keep a part of what is sent.

use super::{ARBITER, BUYER, SELLER, Story};
use crate::environment::Environment;
use alloy::primitives::{Address, Bytes, U256, hex};
use eyre::{Result, ensure};
use quorate_lab::{deploy, owners::owner};

/// `shr(224, calldataload(0)) == transfer`, as 1 or 0 on the stack.
const IS_TRANSFER: [u8; 11] = hex!("5f3560e01c63a9059cbb14");

/// A token that runs another one's code on its own storage, after `head`, which stands at byte 4 and finds calldata in memory.
fn token_code(head: &[u8], to: Address) -> Bytes {
    // calldatacopy(0, 0, calldatasize()); head; delegatecall; returndatacopy(0, 0, returndatasize())
    let call = [&hex!("5f5f365f73")[..], to.as_slice(), &hex!("5af43d5f5f3e")].concat();
    let before = [&hex!("365f5f37")[..], head, &call].concat();
    let there = u8::try_from(before.len() + 6).expect("short");
    // Where it succeeded, return(0, returndatasize()), else revert with it.
    let runtime = [&before[..], &[0x60, there, 0x57], &hex!("3d5ffd5b3d5ff3")].concat();
    let length = u8::try_from(runtime.len()).expect("short");
    [&[0x60, length, 0x80, 0x60, 0x09, 0x5f, 0x39, 0x5f, 0xf3][..], &runtime].concat().into()
}

async fn with_token(head: Vec<u8>, timeout_to: &str) -> Result<Story> {
    let at = Environment::start().await?;
    let plain = deploy::token(&at.chain, "T", "T", 6).await?;
    let token = at.chain.deploy(token_code(&head, plain)).await?;
    let parties = [BUYER, SELLER, ARBITER].map(|number| owner(number).address());
    Story::of(at, parties, token, timeout_to).await
}

/// The token blocks the seller: nothing reaches it, the buyer can be paid, and all three find another way for the rest.
#[tokio::test]
async fn a_blocked_payee_holds_up_nobody_else() -> Result<()> {
    let seller = owner(SELLER).address();
    // if (isTransfer && to == seller) revert(0, 0)
    let equals = [&hex!("60043573")[..], seller.as_slice(), &hex!("141615")].concat();
    let head = [&IS_TRANSFER[..], &equals, &hex!("6030575f5ffd5b")].concat();
    let story = with_token(head, "seller").await?;
    for number in [BUYER, SELLER, ARBITER] {
        story.accept(number)?;
    }
    story.deploy()?;
    story.at.json(&["escrow", "fund", "escrow.json", "--keystore", "key-5", "--amount", "1000"])?;
    story.act(BUYER, "release", &[], "release.json")?;
    story.at.refuses(&["submit", "release.json", "--keystore", "key-8"], 1, "TransferFailed")?;
    // In two steps by name the one who can receive is paid first.
    story.act(BUYER, "split", &["--to-buyer", "40%", "--first", "buyer"], "step.json")?;
    story.completed("step.json", ARBITER)?;
    story.at.sign("step-2.json", &[SELLER])?;
    story.at.refuses(&["submit", "step-2.json", "--keystore", "key-8"], 1, "TransferFailed")?;
    // All three pay the seller's other account.
    let (token, other) = (story.token.to_checksum(None), owner(40).address());
    let pay = ["propose", "transfer", "--wallet", "escrow.json", "--token", &token, "--to"];
    let to = other.to_checksum(None);
    story.at.json(&[&pay[..], &[&to, "--amount", "all", "--out", "other.json"]].concat())?;
    story.at.sign("other.json", &[BUYER, SELLER, ARBITER])?;
    story.submit("other.json")?;
    ensure!(story.balance(other).await? == U256::from(600_000_000));
    story.ends([-600_000_000, 0, 0], 0).await
}

/// A token that keeps a hundredth of each transfer is found before anything is sent.
#[tokio::test]
async fn a_token_that_takes_a_fee_is_not_paid_in() -> Result<()> {
    // mstore(0x24, mload(0x24) * (100 - isTransfer) / 100)
    let head = [&IS_TRANSFER[..], &hex!("6064036024510260649004602452")].concat();
    let story = with_token(head, "seller").await?;
    for number in [BUYER, SELLER, ARBITER] {
        story.accept(number)?;
    }
    story.deploy()?;
    let fund = ["escrow", "fund", "escrow.json", "--keystore", "key-5"];
    story.at.refuses(&fund, 3, "the token takes a fee")?;
    ensure!(story.balance(story.wallet).await?.is_zero());
    story.ends([0, 0, 0], 0).await
}
