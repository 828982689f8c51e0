//! The unit of an amount for people: one that no program takes for part of a number, a date or a currency.

use crate::payout_plan::shown_token;
use alloy::primitives::Address;

/// The currencies of ISO 4217 and its funds and metals, and those that are no more but still read.
const CURRENCIES: &str = "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BOV BRL BSD BTN BWP BYN \
    BZD CAD CDF CHE CHF CHW CLF CLP CNY COP COU CRC CUC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD \
    GNF GTQ GYD HKD HNL HRK HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT LAK LBP LKR LRD LSL \
    LTL LVL LYD MAD MDL MGA MKD MMK MNT MOP MRO MRU MUR MVR MWK MXN MXV MYR MZN NAD NGN NIO NOK NPR NZD OMR PAB PEN PGK PHP PKR \
    PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SLL SOS SRD SSP STD STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD \
    TWD TZS UAH UGX USD USN UYI UYU UYW UZS VED VEF VES VND VUV WST XAF XAG XAU XBA XBB XBC XBD XCD XCG XDR XOF XPD XPF XPT XSU \
    XTS XUA XXX YER ZAR ZMW ZWG ZWL ATS BEF CYP DEM EEK ESP FIM FRF GRD IEP ITL LUF MTL NLG PTE SIT SKK";

/// Months and days, in full and short.
const DATES: &str = "JAN FEB MAR APR MAY JUN JUL AUG SEP SEPT OCT NOV DEC JANUARY FEBRUARY MARCH APRIL JUNE JULY AUGUST \
    SEPTEMBER OCTOBER NOVEMBER DECEMBER MON TUE WED THU FRI SAT SUN";

/// What stands behind an amount: `ETH`; the book's symbol, where it has three or more letters, digits and dots, begins with a
/// letter, and is no currency, month, or E with digits; else the address.
pub fn unit(token: Address, symbol: Option<&str>) -> String {
    let symbol = symbol.filter(|symbol| !token.is_zero() && is_plain(symbol));
    symbol.map_or_else(|| shown_token(token), str::to_owned)
}

fn is_plain(symbol: &str) -> bool {
    let upper = symbol.to_ascii_uppercase();
    let is_word = |words: &str| words.split_whitespace().any(|word| word == upper);
    let exponent = upper.strip_prefix('E');
    let is_exponent = exponent.is_some_and(|rest| rest.bytes().all(|b| b.is_ascii_digit()));
    symbol.len() >= 3
        && symbol.starts_with(|c: char| c.is_ascii_alphabetic())
        && symbol.chars().all(|c| c.is_ascii_alphanumeric() || c == '.')
        && !is_word(CURRENCIES)
        && !is_word(DATES)
        && !is_exponent
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_unit_is_never_part_of_a_number() {
        let token = Address::with_last_byte(5);
        for symbol in ["USDC", "stETH", "USDC.e", "tUSDC", "E1A"] {
            assert_eq!(unit(token, Some(symbol)), symbol);
        }
        let address = token.to_checksum(None);
        for symbol in
            ["USD", "chf", "JAN", "May", "E5", "E180", "PM", "1INCH", "USD₮0", "$PAY", "a-b", ""]
        {
            assert_eq!(unit(token, Some(symbol)), address, "{symbol}");
        }
        assert_eq!(unit(token, None), address);
        assert_eq!(unit(Address::ZERO, Some("USDC")), "ETH");
    }
}
