//! The contracts, as modules of calls, events, errors and structs. What each does is said in the
//! Solidity interfaces.
//!
//! Talk to a wallet and its factory through [`IWallet`] and [`IWalletFactory`], to a treasury's policy and
//! to the courier through [`ITreasuryPolicy`] and [`ICourier`]; the contracts behind them are here for their
//! bytecode.

macro_rules! bind {
    ($($contract:ident = $artifact:literal;)*) => {$(
        #[cfg(not(feature = "rpc"))]
        alloy::sol!(#[sol(all_derives)] $contract, $artifact);
        #[cfg(feature = "rpc")]
        alloy::sol!(#[sol(rpc, all_derives)] $contract, $artifact);
    )*};
}

bind! {
    Courier = "../../contracts/artifacts/Courier.json";
    EscrowPolicy = "../../contracts/artifacts/EscrowPolicy.json";
    ICourier = "../../contracts/artifacts/ICourier.json";
    IPolicy = "../../contracts/artifacts/IPolicy.json";
    ITreasuryPolicy = "../../contracts/artifacts/ITreasuryPolicy.json";
    IWallet = "../../contracts/artifacts/IWallet.json";
    IWalletFactory = "../../contracts/artifacts/IWalletFactory.json";
    TreasuryPolicy = "../../contracts/artifacts/TreasuryPolicy.json";
    Wallet = "../../contracts/artifacts/Wallet.json";
    WalletFactory = "../../contracts/artifacts/WalletFactory.json";
}
