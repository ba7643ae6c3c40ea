//! An OpenID provider of the test process: discovery, keys, introspection, and tokens to order.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::rsa;
use ring::signature::{self, EcdsaKeyPair, Ed25519KeyPair, KeyPair};
use serde_json::{Value, json};

/// One key of each kind that is understood.
struct Keys {
    ed25519: Ed25519KeyPair,
    p256: EcdsaKeyPair,
    rsa: rsa::KeyPair,
    random: SystemRandom,
}

/// The provider; it ends with the process.
pub struct FakeProvider {
    pub address: SocketAddr,
    keys: Mutex<Keys>,
    published: Arc<Mutex<Value>>,
    questions: Arc<AtomicUsize>,
    active: Arc<Mutex<Value>>,
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}

impl Keys {
    fn new() -> Self {
        let random = SystemRandom::new();
        let algorithm = &signature::ECDSA_P256_SHA256_FIXED_SIGNING;
        let edwards = Ed25519KeyPair::generate_pkcs8(&random).unwrap();
        let p256 = EcdsaKeyPair::generate_pkcs8(algorithm, &random).unwrap();
        let rsa = include_bytes!("../../../fixtures/oidc/rsa.pk8");
        Self {
            ed25519: Ed25519KeyPair::from_pkcs8(edwards.as_ref()).unwrap(),
            p256: EcdsaKeyPair::from_pkcs8(algorithm, p256.as_ref(), &random).unwrap(),
            rsa: rsa::KeyPair::from_pkcs8(rsa).unwrap(),
            random,
        }
    }

    fn set(&self) -> Value {
        let rsa: rsa::PublicKeyComponents<Vec<u8>> = self.rsa.public().into();
        let point = self.p256.public_key().as_ref();
        json!({"keys": [
            {"kty": "OKP", "crv": "Ed25519", "kid": "EdDSA", "use": "sig",
             "x": encode(self.ed25519.public_key())},
            {"kty": "EC", "crv": "P-256", "kid": "ES256", "alg": "ES256",
             "x": encode(&point[1..33]), "y": encode(&point[33..])},
            {"kty": "RSA", "kid": "RS256", "n": encode(rsa.n), "e": encode(rsa.e)},
            {"kty": "oct", "kid": "HS256", "k": "c2VjcmV0"},
        ]})
    }
}

impl FakeProvider {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let keys = Keys::new();
        let published = Arc::new(Mutex::new(keys.set()));
        let questions = Arc::new(AtomicUsize::new(0));
        let active = Arc::new(Mutex::new(json!({"active": false})));
        let (counter, answer) = (Arc::clone(&questions), Arc::clone(&active));
        let set = Arc::clone(&published);
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                counter.fetch_add(1, Ordering::SeqCst);
                let (set, answer) = (set.lock().unwrap().clone(), answer.lock().unwrap().clone());
                serve(stream, address, &set, &answer);
            }
        });
        Self { address, keys: Mutex::new(keys), published, questions, active }
    }

    /// Makes new keys (but for RSA) and publishes nothing else from now on. Their names are the old
    /// ones, so only the signatures tell.
    pub fn change_keys(&self) {
        let keys = Keys::new();
        *self.published.lock().unwrap() = keys.set();
        *self.keys.lock().unwrap() = keys;
    }

    /// Publishes the keys under other names; tokens have to say `kid` so.
    pub fn rename_keys(&self, suffix: &str) {
        let mut set = self.published.lock().unwrap();
        for key in set["keys"].as_array_mut().unwrap() {
            let name = format!("{}{suffix}", key["kid"].as_str().unwrap());
            key["kid"] = name.into();
        }
    }

    /// The issuer URL.
    pub fn issuer(&self) -> String {
        format!("http://{}", self.address)
    }

    /// How often it was asked anything.
    pub fn questions(&self) -> usize {
        self.questions.load(Ordering::SeqCst)
    }

    /// What introspection answers from now on, to the client `daybook` with `s%cret` for `opaque`.
    pub fn introspect_as(&self, answer: Value) {
        *self.active.lock().unwrap() = answer;
    }

    /// A token with these claims, signed as its header says.
    pub fn token(&self, algorithm: &str, claims: &Value) -> String {
        let header = json!({"alg": algorithm, "kid": algorithm, "typ": "JWT"});
        self.sign(&header, algorithm, claims)
    }

    /// A token whose header need not be true.
    pub fn sign(&self, header: &Value, algorithm: &str, claims: &Value) -> String {
        let text = format!("{}.{}", encode(header.to_string()), encode(claims.to_string()));
        let (message, keys) = (text.as_bytes(), self.keys.lock().unwrap());
        let signature = match algorithm {
            "EdDSA" => keys.ed25519.sign(message).as_ref().to_vec(),
            "ES256" => keys.p256.sign(&keys.random, message).unwrap().as_ref().to_vec(),
            "RS256" => {
                let mut bytes = vec![0; keys.rsa.public().modulus_len()];
                let padding = &signature::RSA_PKCS1_SHA256;
                keys.rsa.sign(padding, &keys.random, message, &mut bytes).unwrap();
                bytes
            }
            _ => Vec::new(),
        };
        format!("{text}.{}", encode(signature))
    }
}

fn serve(mut stream: TcpStream, address: SocketAddr, keys: &Value, active: &Value) {
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    let mut lines: Vec<String> = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        lines.push(line.trim_end().to_ascii_lowercase());
    }
    let field = |name: &str| lines.iter().find_map(|line| line.strip_prefix(name));
    let length = field("content-length: ").map_or(0, |text| text.parse().unwrap());
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let body = String::from_utf8_lossy(&body).into_owned();
    let issuer = format!("http://{address}");
    let path = lines.first().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    // daybook:s%25cret
    let is_client = field("authorization: ")
        .is_some_and(|text| text.eq_ignore_ascii_case("basic ZGF5Ym9vazpzJTI1Y3JldA=="));
    let answer = match path {
        "/.well-known/openid-configuration" => {
            json!({"issuer": issuer, "jwks_uri": format!("{issuer}/keys")})
        }
        "/keys" => keys.clone(),
        "/introspect" if is_client && body.starts_with("token=opaque&") => active.clone(),
        "/introspect" => json!({"active": false}),
        _ => Value::Null,
    };
    let text = answer.to_string();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nConnection: close\r\n";
    let _ = write!(stream, "{head}Content-Length: {}\r\n\r\n{text}", text.len());
}
