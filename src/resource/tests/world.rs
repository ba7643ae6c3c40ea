//! A store, and people who may have homes in it.

use std::sync::Arc;

use crate::clock::Clock;
use crate::config::Homes;
use crate::dav::DavPath;
use crate::principal::{Directory, Principals};
use crate::resource::{Resolver, Resource, provision};
use crate::store::{Durability, Home, Store, StoreOptions};

const ACCOUNTS: &str = "
realm = \"Test\"

[[user]]
guid = \"A0000000-0000-0000-0000-1\"
name = \"alice\"
full_name = \"Alice Liddell\"
email = [\"alice@example.com\"]
plain_password = \"a\"

[[user]]
guid = \"B0000000-0000-0000-0000-2\"
name = \"bob\"
full_name = \"Bob\"
plain_password = \"b\"
";

pub struct World {
    pub store: Arc<Store>,
    pub directory: Arc<Directory>,
    _folder: tempfile::TempDir,
}

impl World {
    /// Nobody has a home.
    pub fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let accounts = folder.path().join("accounts.toml");
        std::fs::write(&accounts, ACCOUNTS).unwrap();
        let data = folder.path().join("data");
        let options = StoreOptions { durability: Durability::None, ..StoreOptions::default() };
        let store = Store::open(&data, options).unwrap();
        let principals = Principals::open(&accounts, &data, &[], Clock::system()).unwrap();
        Self { store, directory: principals.current(), _folder: folder }
    }

    /// Gives somebody a home with what every home has.
    pub fn provision(&self, login: &str) -> Arc<Home> {
        let owner = self.directory.by_login(login).unwrap();
        let initial = provision::initial(&Homes::default(), owner);
        self.store.provision(&owner.guid, &initial).unwrap()
    }

    pub fn resource(&self, path: &str) -> Resource {
        let resolver = Resolver { store: &self.store, directory: &self.directory };
        resolver.resolve(&DavPath::parse(path).unwrap()).unwrap()
    }
}
