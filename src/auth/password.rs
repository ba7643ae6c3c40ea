//! Passwords: hashing new ones (argon2id) and checking given ones against what is stored.
//!
//! A check that fails costs one hash computation whatever the reason, so that time tells nobody
//! whether a name exists.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use sha_crypt::ShaCrypt;

use crate::principal::Secret;

/// Longer passwords are refused unseen: hashing must not be a way to keep the server busy.
pub const PASSWORD_BYTES_MAX: usize = 1024;

/// A hash nobody has the password of, with the parameters `hash` uses.
const DUMMY: &str = "$argon2id$v=19$m=19456,t=2,p=1$ZGF5Ym9vayBkdW1teSE$\
                     9Zq3sQ1J0zR3mW8cQy5nT2v4x6B7p8aD1eF2gH3iJ4k";

/// Why a password cannot be hashed.
#[derive(Debug, thiserror::Error)]
#[error("the password cannot be hashed: {0}")]
pub struct HashError(String);

/// The PHC string of a new password.
pub fn hash(password: &str) -> Result<String, HashError> {
    if password.is_empty() || password.len() > PASSWORD_BYTES_MAX {
        return Err(HashError(format!("it has 0 or more than {PASSWORD_BYTES_MAX} bytes")));
    }
    let hash: PasswordHash = Argon2::default()
        .hash_password(password.as_bytes())
        .map_err(|error| HashError(error.to_string()))?;
    Ok(hash.to_string())
}

/// Whether the password is the stored one. Slow on purpose, unless the secret is a plain password.
pub fn verify(secret: &Secret, password: &str) -> bool {
    if password.len() > PASSWORD_BYTES_MAX {
        return false;
    }
    if let Some(plain) = &secret.plain
        && equal(plain, password)
    {
        return true;
    }
    match &secret.hash {
        Some(hash) => verify_hash(hash, password),
        None => {
            let _ = std::hint::black_box(verify_hash(DUMMY, password));
            false
        }
    }
}

#[cfg(test)]
thread_local! {
    /// Hashes that this thread has computed to check a password.
    pub static HASHED: std::cell::Cell<u32> = const { std::cell::Cell::new(0) };
}

fn verify_hash(hash: &str, password: &str) -> bool {
    #[cfg(test)]
    HASHED.set(HASHED.get() + 1);
    if hash.starts_with("$2") {
        // bcrypt, from htpasswd files.
        return bcrypt::verify(password, hash).unwrap_or(false);
    }
    if is_crypt(hash) {
        return ShaCrypt::default().verify_password(password.as_bytes(), hash).is_ok();
    }
    match PasswordHash::new(hash) {
        Ok(hash) => Argon2::default().verify_password(password.as_bytes(), &hash).is_ok(),
        Err(error) => {
            tracing::error!(%error, "a stored password hash cannot be read");
            false
        }
    }
}

/// Whether this is a SHA-256 or SHA-512 hash of crypt(3), as `openssl passwd -6` writes it.
pub fn is_crypt(hash: &str) -> bool {
    hash.starts_with("$5$") || hash.starts_with("$6$")
}

/// Compares without telling by time where texts differ.
pub fn equal(one: &str, other: &str) -> bool {
    blake3::hash(one.as_bytes()) == blake3::hash(other.as_bytes())
}

#[cfg(test)]
mod tests {
    use super::{DUMMY, PASSWORD_BYTES_MAX, equal, hash, verify};
    use crate::principal::Secret;

    #[test]
    fn a_hash_proves_its_password_only() {
        let secret = Secret { hash: Some(hash("søster").unwrap()), ..Secret::default() };
        assert!(verify(&secret, "søster"));
        assert!(!verify(&secret, "sister"));
        assert!(!verify(&secret, ""));
        assert!(!verify(&Secret::default(), ""));
        let plain = Secret { plain: Some("p".into()), ..Secret::default() };
        assert!(verify(&plain, "p") && !verify(&plain, "q"));
        let broken = Secret { hash: Some("$argon2id$x".into()), ..Secret::default() };
        assert!(!verify(&broken, "x"));
        assert!(hash("").is_err() && hash(&"x".repeat(PASSWORD_BYTES_MAX + 1)).is_err());
        assert!(equal("a", "a") && !equal("a", "b"));
    }

    #[test]
    fn hashes_of_crypt_are_understood() {
        for hash in [
            "$6$saltsalt$TVLlQcbpFVof5W3Yz4DTP6gRstiNuHwwTt6GLc1E5n0U0aDe\
             hy0S5knV8wiOQSpT0Y77vwPZN.Pq.H91p5hVO1",
            "$5$saltsalt$0IyaXrmV7.sGNS6tirgqHLqX/G.FBvgkYA.lpPdS5sA",
        ] {
            let secret = Secret { hash: Some(hash.to_owned()), ..Secret::default() };
            assert!(verify(&secret, "secret") && !verify(&secret, "Secret"), "{hash}");
            let cut = Secret { hash: Some(hash[..30].to_owned()), ..Secret::default() };
            assert!(!verify(&cut, "secret"));
        }
    }

    #[test]
    fn the_dummy_is_as_slow_as_a_real_hash() {
        let real = hash("x").unwrap();
        let parameters = |text: &str| text.split('$').nth(3).map(str::to_owned);
        assert_eq!(parameters(DUMMY), parameters(&real));
        assert!(super::PasswordHash::new(DUMMY).is_ok());
    }
}
