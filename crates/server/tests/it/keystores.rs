//! Case 8: keystores as other programs write them. Those in `tests/keystores` were made by these programs, see
//! `tests/node/wallets/keystores.mjs`; the two of the definition are its own examples.

use alloy::{
    hex,
    primitives::{Address, B256, address, b256},
};
use eyre::Result;
use quorate_server::keystore::{self, KeystoreError};
use serde_json::{Value, json};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

const PASSWORD: &str = "Pässwörd 2026";
/// The key of EIP-155's example.
const KEY: B256 = B256::repeat_byte(0x46);
const OWNER: Address = address!("0x9d8A62f656a8d1615C1294fd71e9CFb3E4855A4F");

/// The key of the definition's examples.
const DEFINITION_KEY: B256 =
    b256!("0x7a28b5ba57c53603b0b07b56bba752f7784bf506fa95edc395f5cf6c7514fe9d");

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(format!("tests/keystores/{name}.json"))
}

fn json_of(name: &str) -> Value {
    let text = fs::read_to_string(fixture(name)).expect("the fixture is there");
    serde_json::from_str(&text).expect("it is JSON")
}

async fn open_bytes(bytes: impl AsRef<[u8]>) -> Result<B256, KeystoreError> {
    let folder = TempDir::new().expect("a folder");
    let file = folder.path().join("keystore.json");
    fs::write(&file, bytes).expect("a file");
    keystore::open(&file, PASSWORD.to_owned()).await.map(|key| key.to_bytes())
}

async fn open(keystore: &Value) -> Result<B256, KeystoreError> {
    open_bytes(keystore.to_string()).await
}

/// The line for a keystore that is refused.
async fn refusal(bytes: impl AsRef<[u8]>) -> String {
    let line = open_bytes(bytes).await.expect_err("it is refused").to_string();
    assert!(!line.contains('\n') && !line.contains(&hex::encode(KEY)[..16]), "{line}");
    line
}

#[tokio::test]
async fn keystores_of_all_programs_in_use_open() -> Result<()> {
    for name in [
        "ethers-6",
        "ethers-5",
        "web3-js-4",
        "web3-js-4-pbkdf2",
        "eth-account",
        "eth-account-pbkdf2",
        "key-of-33-bytes",
        "iv-of-15-bytes",
    ] {
        let key = keystore::open(&fixture(name), PASSWORD.to_owned()).await?;
        assert_eq!((key.address(), key.to_bytes()), (OWNER, KEY), "{name}");
        let wrong = keystore::open(&fixture(name), "password".to_owned()).await;
        assert_eq!(wrong, Err(KeystoreError::WrongPassword { file: fixture(name) }), "{name}");
    }
    // scrypt with r = 1, p = 8 and n = 262144, as eth-account wrote it for years.
    for name in ["definition-scrypt", "definition-pbkdf2"] {
        let key = keystore::open(&fixture(name), "testpassword".to_owned()).await?;
        assert_eq!(key.to_bytes(), DEFINITION_KEY, "{name}");
    }
    let mut short = KEY;
    short[0] = 0;
    let key = keystore::open(&fixture("key-of-31-bytes"), PASSWORD.to_owned()).await?;
    assert_eq!(key.to_bytes(), short);
    Ok(())
}

/// What does not change the key: letters, quotes, marks, and what nobody needs.
#[tokio::test]
async fn the_form_of_a_keystore_may_vary() -> Result<()> {
    let good = json_of("eth-account");
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut keystore = good.clone();
        change(&mut keystore);
        keystore
    };
    let variants = [
        changed(&|k| k["id"] = Value::Null),
        changed(&|k| k["id"] = json!("no UUID")),
        changed(&|k| drop(k.as_object_mut().map(|k| k.remove("id")))),
        changed(&|k| k["version"] = json!("3")),
        changed(&|k| k["version"] = json!(3.0)),
        changed(&|k| k["crypto"]["kdfparams"]["n"] = json!("1024")),
        changed(&|k| k["crypto"]["kdfparams"]["dklen"] = json!(64)),
        changed(&|k| drop(k.as_object_mut().map(|k| k.remove("address")))),
        changed(&|k| k["address"] = Value::Null),
        changed(&|k| k["address"] = json!("")),
        changed(&|k| k["address"] = json!(OWNER.to_checksum(None))),
        changed(&|k| k["address"] = json!(format!("{OWNER:x}"))),
        changed(&|k| k["address"] = json!(hex::encode(OWNER).to_uppercase())),
        changed(&|k| k["x-ethers"] = json!({ "client": "ethers/6.17.0" })),
        changed(&|k| {
            let crypto = k["crypto"].take();
            k["CRYPTO"] = json!({
                "Cipher": "AES-128-CTR", "CipherParams": crypto["cipherparams"], "CipherText": crypto["ciphertext"],
                "KDF": "Scrypt", "KdfParams": crypto["kdfparams"], "MAC": crypto["mac"],
            });
        }),
        changed(&|k| {
            let mac = format!("0x{}", k["crypto"]["mac"].as_str().unwrap().to_uppercase());
            k["crypto"]["mac"] = json!(mac);
        }),
    ];
    for keystore in variants {
        assert_eq!(open(&keystore).await, Ok(KEY), "{keystore}");
    }
    assert_eq!(open_bytes(format!("\u{feff}{good}")).await, Ok(KEY));
    assert_eq!(open_bytes(format!("{good:#}\r\n")).await, Ok(KEY));
    Ok(())
}

/// A file that was mixed up or tampered with is not used, whatever its password.
#[tokio::test]
async fn an_address_that_is_not_the_keys_stops() {
    let mut keystore = json_of("ethers-6");
    keystore["address"] = json!(Address::repeat_byte(1));
    let stated = Address::repeat_byte(1);
    match open(&keystore).await {
        Err(KeystoreError::OtherAddress { stated: said, held, .. }) => {
            assert_eq!((said, held), (stated, OWNER));
        }
        other => panic!("{other:?}"),
    }
    keystore["address"] = json!("xdc9d8a62f656a8d1615c1294fd71e9cfb3e4855a4f");
    let line = refusal(keystore.to_string()).await;
    assert!(line.contains("its field address is not an address"), "{line}");
}

/// Case 32: whatever is wrong, the field is named, and nothing panics.
#[tokio::test]
async fn the_field_that_is_wrong_is_named() {
    let good = json_of("eth-account");
    let pbkdf2 = json_of("eth-account-pbkdf2");
    let cases: Vec<(&Value, &str, Value, &str)> = vec![
        (&good, "/version", json!(1), "its version is 1, and 3 is read"),
        (&good, "/version", json!(4), "a validator's key (EIP-2335)"),
        (&good, "/version", json!("three"), "its field version is not a whole number"),
        (&good, "/version", Value::Null, "it has no field version"),
        (&good, "/crypto", json!("x"), "its field crypto is not an object"),
        (&good, "/crypto", Value::Null, "it has no field crypto"),
        (
            &good,
            "/crypto/cipher",
            json!("aes-128-cbc"),
            "its field crypto.cipher is \"aes-128-cbc\", and aes-128-ctr is read",
        ),
        (&good, "/crypto/cipherparams", json!({}), "it has no field crypto.cipherparams.iv"),
        (
            &good,
            "/crypto/cipherparams/iv",
            json!(""),
            "its field crypto.cipherparams.iv has 0 bytes",
        ),
        (
            &good,
            "/crypto/cipherparams/iv",
            json!("00".repeat(17)),
            "has 17 bytes, and 16 are needed",
        ),
        (
            &good,
            "/crypto/cipherparams/iv",
            json!("0"),
            "crypto.cipherparams.iv is not hexadecimal digits",
        ),
        (&good, "/crypto/ciphertext", json!("0x"), "its field crypto.ciphertext has 0 bytes"),
        (
            &good,
            "/crypto/ciphertext",
            json!("00".repeat(65)),
            "its field crypto.ciphertext has 65 bytes",
        ),
        (&good, "/crypto/mac", json!("00"), "its field crypto.mac has 1 bytes, and 32 are needed"),
        (&good, "/crypto/mac", json!("0x0x00"), "its field crypto.mac is not hexadecimal digits"),
        (&good, "/crypto/mac", json!(7), "its field crypto.mac is not text"),
        (
            &good,
            "/crypto/kdf",
            json!("argon2id"),
            "crypto.kdf is \"argon2id\", and scrypt or pbkdf2 is read",
        ),
        (&good, "/crypto/kdfparams", json!([]), "its field crypto.kdfparams is not an object"),
        (&good, "/crypto/kdfparams/dklen", json!(0), "dklen is 0, and at least 32 is needed"),
        (&good, "/crypto/kdfparams/dklen", json!(31), "dklen is 31, and at least 32 is needed"),
        (&good, "/crypto/kdfparams/dklen", json!(-1), "dklen is not a whole number"),
        (&good, "/crypto/kdfparams/n", json!(0), "n is 0, which is no power of two"),
        (&good, "/crypto/kdfparams/n", json!(1), "n is 1, which is no power of two"),
        (&good, "/crypto/kdfparams/n", json!(1000), "n is 1000, which is no power of two"),
        (&good, "/crypto/kdfparams/n", json!(1 << 21), "takes 2048 MiB of memory"),
        (&good, "/crypto/kdfparams/n", json!(1_u64 << 63), "MiB of memory"),
        (&good, "/crypto/kdfparams/r", json!(0), "crypto.kdfparams.r is not a number from 1"),
        (
            &good,
            "/crypto/kdfparams/r",
            json!(u64::MAX),
            "crypto.kdfparams.r is not a number from 1",
        ),
        (&good, "/crypto/kdfparams/p", json!(1 << 20), "takes too long"),
        (
            &good,
            "/crypto/kdfparams/salt",
            json!("zz"),
            "crypto.kdfparams.salt is not hexadecimal digits",
        ),
        (&pbkdf2, "/crypto/kdfparams/c", json!(0), "crypto.kdfparams.c is not a number from 1"),
        (&pbkdf2, "/crypto/kdfparams/c", json!(u32::MAX), "takes too long"),
        (
            &pbkdf2,
            "/crypto/kdfparams/prf",
            json!("hmac-sha512"),
            "prf is \"hmac-sha512\", and hmac-sha256 is read",
        ),
    ];
    for (of, place, value, said) in cases {
        let mut keystore = of.clone();
        *keystore.pointer_mut(place).expect("the field is there") = value;
        let line = refusal(keystore.to_string()).await;
        assert!(
            line.contains("not a keystore that can be used") && line.contains(said),
            "{place}: {line}"
        );
    }
    let mut twice = good.clone();
    twice["Crypto"] = json!({});
    assert!(refusal(twice.to_string()).await.contains("it has the field crypto twice"));
}

#[tokio::test]
async fn what_is_no_keystore_is_told_from_one() {
    let key = hex::encode(KEY);
    for (text, said) in [
        (String::new(), "it is no JSON object"),
        ("[]".to_owned(), "it is no JSON object"),
        ("{".to_owned(), "it is no JSON object"),
        ("{}".to_owned(), "it has no field version"),
        (format!("{key}\n"), "cast wallet import"),
        (format!("\"0x{key}\""), "cast wallet import"),
        (
            "test test test test test test test test test test test junk\n".to_owned(),
            "--mnemonic-file",
        ),
        (format!("{{\"version\":3}}{}", " ".repeat(70_000)), "more than 65536 bytes"),
    ] {
        let line = refusal(text).await;
        assert!(line.contains(said), "{line}");
    }
    assert!(refusal([0xff, 0xfe, 0x7b, 0]).await.contains("not text in UTF-8"));
    let missing = keystore::open(&PathBuf::from("/nowhere/at/all"), String::new()).await;
    assert!(matches!(missing, Err(KeystoreError::Unreadable { .. })));
}
