//! Questions to the provider, over HTTP. Answers are bounded in size and time; redirects are not
//! followed, because the administrator says whom to ask.

use std::io;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use super::Refusal;
use crate::config;
use crate::principal::file;

/// Largest answer that is read.
const ANSWER_BYTES_MAX: u64 = 512 * 1024;

/// A client.
#[derive(Debug)]
pub(super) struct Fetch {
    agent: ureq::Agent,
}

impl Fetch {
    pub(super) fn new(timeout_s: u64) -> Self {
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs(timeout_s.max(1))))
            .max_redirects(0)
            .proxy(None)
            .user_agent("daybook")
            .build();
        Self { agent: config.new_agent() }
    }

    /// The provider's key set, from where the configuration or its discovery document says
    /// (OpenID Connect Discovery §4).
    pub(super) fn keys(&self, options: &config::Oidc) -> Result<Value, Refusal> {
        if !options.jwks_url.is_empty() {
            return self.get(&options.jwks_url);
        }
        let issuer = options.issuer.trim_end_matches('/');
        let document = self.get(&format!("{issuer}/.well-known/openid-configuration"))?;
        let text = |name: &str| document.get(name).and_then(Value::as_str);
        if text("issuer") != Some(options.issuer.as_str()) {
            return Err(Refusal::Unavailable("says that it is another issuer".to_owned()));
        }
        let no_keys = || Refusal::Unavailable("does not say where its keys are".to_owned());
        self.get(text("jwks_uri").ok_or_else(no_keys)?)
    }

    /// What the provider says of a token (RFC 7662 §2).
    pub(super) fn introspect(&self, options: &config::Oidc, token: &str) -> Result<Value, Refusal> {
        let secret = match file::read(&options.client_secret_file) {
            Ok(text) => text.unwrap_or_default(),
            Err(error) => return Err(unavailable(&options.client_secret_file.display(), &error)),
        };
        let secret = secret.lines().next().unwrap_or_default();
        let mut request = self.agent.post(&options.introspection_url);
        if !options.client_id.is_empty() {
            let pair = [&options.client_id, secret].map(form_encoded).join(":");
            request = request.header("authorization", format!("Basic {}", STANDARD.encode(pair)));
        }
        let form = [("token", token), ("token_type_hint", "access_token")];
        let answer = request.send_form(form).map_err(|e| unavailable(&"introspection", &e))?;
        let claims = read(answer)?;
        match claims.get("active") {
            Some(Value::Bool(true)) => Ok(claims),
            Some(Value::Bool(false)) => Err(Refusal::Expired),
            _ => Err(Refusal::Unavailable("does not say whether the token is active".to_owned())),
        }
    }

    fn get(&self, url: &str) -> Result<Value, Refusal> {
        read(self.agent.get(url).call().map_err(|error| unavailable(&url, &error))?)
    }
}

fn read(mut answer: http::Response<ureq::Body>) -> Result<Value, Refusal> {
    let reader = answer.body_mut().with_config().limit(ANSWER_BYTES_MAX).reader();
    serde_json::from_reader(io::BufReader::new(reader))
        .map_err(|error| Refusal::Unavailable(format!("answers no JSON: {error}")))
}

fn unavailable(what: &dyn std::fmt::Display, error: &dyn std::fmt::Display) -> Refusal {
    Refusal::Unavailable(format!("{what}: {error}"))
}

/// As RFC 6749 §2.3.1 wants the parts of the Basic credentials.
fn form_encoded(text: &str) -> String {
    const RESERVED: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
    utf8_percent_encode(text, &RESERVED).to_string()
}
