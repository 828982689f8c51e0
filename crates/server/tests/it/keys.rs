//! Keys in files: which are opened, and what is said of the others, without a word of what is in them.

use alloy::primitives::hex;
use eyre::Result;
use quorate_lab::{
    keystore::{self, PASSWORD},
    owners::owner,
};
use quorate_relayer::driver::Key as _;
use quorate_server::{Sender, sender};
use std::{fs, path::PathBuf};
use tempfile::TempDir;

struct Folder(TempDir);

impl Folder {
    fn new() -> Result<Self> {
        Ok(Self(tempfile::tempdir()?))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn write(&self, name: &str, text: impl AsRef<[u8]>, mode: u32) -> Result<PathBuf> {
        let path = self.path(name);
        fs::write(&path, text)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt as _;
            fs::set_permissions(&path, fs::Permissions::from_mode(mode))?;
        }
        Ok(path)
    }

    fn env_file(&self, text: &str) -> Result<Sender> {
        Ok(Sender::EnvFile { file: self.write("keys.env", text, 0o600)?, variable: "KEY".into() })
    }

    fn keystore(&self, password: impl AsRef<[u8]>, mode: u32) -> Result<Sender> {
        let file = self.path("key.json");
        if !file.exists() {
            keystore::write(self.0.path(), "key.json", &owner(1))?;
        }
        Ok(Sender::Keystore { file, password_file: self.write("password", password, mode)? })
    }
}

/// The digits of the key of owner 1.
fn digits() -> String {
    hex::encode(owner(1).to_bytes())
}

async fn refusal(sender: &Sender) -> String {
    let refused = sender.open().await.expect_err("it is refused").to_string();
    assert!(!refused.contains(&digits()[..16]) && !refused.contains('\n'), "{refused}");
    refused
}

#[tokio::test]
async fn keys_are_opened_from_both_kinds_of_files() -> Result<()> {
    let folder = Folder::new()?;
    let key = digits();
    for text in [
        format!("KEY={key}"),
        format!("# keys\n\nOTHER=x\r\nexport KEY = \"0x{key}\"\r\n"),
        format!("KEYS=1\n KEY='{}'\n", key.to_uppercase()),
    ] {
        let opened = folder.env_file(&text)?.open().await?;
        assert_eq!(opened.address(), owner(1).address());
        assert!(!format!("{opened:?}").contains(&key[..16]));
    }
    for password in [PASSWORD.to_owned(), format!("{PASSWORD}\r\n")] {
        let opened = folder.keystore(password, 0o400)?.open().await?;
        assert_eq!(opened.address(), owner(1).address());
    }
    Ok(())
}

#[tokio::test]
async fn garbage_in_a_file_of_keys_is_refused_without_repeating_it() -> Result<()> {
    let folder = Folder::new()?;
    let key = digits();
    let order = "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
    for (text, said) in [
        (String::new(), "has no line \"KEY\"=…"),
        (format!("OTHER={key}"), "has no line \"KEY\"=…"),
        (format!("KEY={key}\nKEY={key}"), "sets \"KEY\" more than once"),
        (key.clone(), "line 1 of"),
        (format!("KEY={}", &key[1..]), "not a private key: give 64 hexadecimal digits"),
        (format!("KEY=0x0x{}", &key[2..]), "not a private key"),
        (format!("KEY={}g", &key[1..]), "not a private key"),
        (format!("KEY=\"{key}"), "not a private key"),
        (format!("KEY={}", "0".repeat(64)), "not a private key"),
        (format!("KEY={order}"), "not a private key"),
        (format!("KEY={key}\n{}", "#".repeat(70_000)), "more than 65536 bytes"),
    ] {
        let refused = refusal(&folder.env_file(&text)?).await;
        assert!(refused.contains(said), "{refused}");
    }
    let file = folder.write("keys.env", [0xff, 0xfe, 0], 0o600)?;
    let binary = Sender::EnvFile { file, variable: "KEY".into() };
    assert!(refusal(&binary).await.contains("is not text"));
    let missing = Sender::EnvFile { file: folder.path("nothing"), variable: "KEY".into() };
    assert!(refusal(&missing).await.contains("no such file"));
    Ok(())
}

#[tokio::test]
async fn garbage_for_a_keystore_is_refused_without_repeating_it() -> Result<()> {
    let folder = Folder::new()?;
    assert!(refusal(&folder.keystore("wrong", 0o600)?).await.contains("wrong password"));
    assert!(refusal(&folder.keystore([0xff], 0o600)?).await.contains("is not text"));
    let good = fs::read_to_string(folder.path("key.json"))?;
    let short = good.replace("\"dklen\":32", "\"dklen\":0");
    assert_ne!(short, good);
    // A key in quotes is what a decoder would repeat.
    for garbage in [String::new(), format!("\"{}\"", digits()), "{}".to_owned(), short] {
        let file = folder.write("garbage", garbage, 0o600)?;
        let password_file = folder.write("password", PASSWORD, 0o600)?;
        let refused = refusal(&Sender::Keystore { file, password_file }).await;
        assert!(refused.contains("not a keystore"), "{refused}");
    }
    let password_file = folder.path("password");
    let missing = Sender::Keystore { file: folder.path("nothing"), password_file };
    assert!(refusal(&missing).await.contains("no such file"));
    Ok(())
}

#[cfg(unix)]
#[tokio::test]
async fn files_that_others_can_get_at_are_refused() -> Result<()> {
    let folder = Folder::new()?;
    for mode in [0o640, 0o604, 0o620, 0o602, 0o610, 0o644, 0o666, 0o777] {
        let file = folder.write("keys.env", format!("KEY={}", digits()), mode)?;
        let refused =
            refusal(&Sender::EnvFile { file: file.clone(), variable: "KEY".into() }).await;
        let way_out = format!("run chmod 600 {}", file.display());
        assert!(
            refused.contains(&way_out) && refused.contains(&format!("{mode:04o}")),
            "{refused}"
        );
        let refused = refusal(&folder.keystore(PASSWORD, mode)?).await;
        assert!(refused.contains("chmod 600") && refused.contains("password"), "{refused}");
    }
    // A link is as private as what it leads to.
    let open = folder.write("open", format!("KEY={}", digits()), 0o644)?;
    std::os::unix::fs::symlink(open, folder.path("link"))?;
    let link = Sender::EnvFile { file: folder.path("link"), variable: "KEY".into() };
    assert!(refusal(&link).await.contains("mode 0644"));
    Ok(())
}

#[tokio::test]
async fn one_key_is_one_sender() -> Result<()> {
    let folder = Folder::new()?;
    let key = folder.env_file(&format!("KEY={}", digits()))?;
    let refused = sender::open_all(1, &[key.clone(), key]).await.expect_err("twice").to_string();
    let address = owner(1).address();
    assert_eq!(
        refused,
        format!("two senders of chain 1 have the key of {address}: remove one of them")
    );
    Ok(())
}
