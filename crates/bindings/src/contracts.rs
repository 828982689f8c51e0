//! The contracts, as modules of calls, events, errors and structs. What each does is said in the
//! Solidity interfaces.
//!
//! Talk to a wallet and its factory through [`IWallet`] and [`IWalletFactory`]; [`Wallet`] and
//! [`WalletFactory`] are here for their bytecode.

macro_rules! bind {
    ($($contract:ident = $artifact:literal;)*) => {$(
        #[cfg(not(feature = "rpc"))]
        alloy::sol!(#[sol(all_derives)] $contract, $artifact);
        #[cfg(feature = "rpc")]
        alloy::sol!(#[sol(rpc, all_derives)] $contract, $artifact);
    )*};
}

bind! {
    EscrowPolicy = "../../contracts/artifacts/EscrowPolicy.json";
    IPolicy = "../../contracts/artifacts/IPolicy.json";
    IWallet = "../../contracts/artifacts/IWallet.json";
    IWalletFactory = "../../contracts/artifacts/IWalletFactory.json";
    Wallet = "../../contracts/artifacts/Wallet.json";
    WalletFactory = "../../contracts/artifacts/WalletFactory.json";
}
