//! The file of users: `USER:HASH`, one a line.

use std::collections::{BTreeMap, btree_map::Entry};

use witgate_plugin::passwords;

/// Flaws that are told; what comes after them is only counted.
const MOST_FLAWS: usize = 10;

const LONGEST_USER: usize = 256;

/// All users with their hashes, each of which can be checked.
pub(crate) struct Users {
    hashes: BTreeMap<String, String>,
    /// The first hash of the file, for passwords of users who are not there.
    first: Option<String>,
}

impl Users {
    /// # Errors
    /// What is wrong, line by line. No message repeats a hash: it may be the password itself.
    pub(crate) fn parse(content: Vec<u8>) -> Result<Self, Vec<String>> {
        let Ok(text) = String::from_utf8(content) else {
            return Err(vec![String::from("it is not UTF-8")]);
        };
        let mut users = Self {
            hashes: BTreeMap::new(),
            first: None,
        };
        let mut flaws = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim_end();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            if let Err(flaw) = users.add(line) {
                flaws.push(format!("line {}: {flaw}", number + 1));
            }
        }
        let more = flaws.len().saturating_sub(MOST_FLAWS);
        flaws.truncate(MOST_FLAWS);
        if more > 0 {
            flaws.push(format!("{more} more like these"));
        }
        match flaws.is_empty() {
            true => Ok(users),
            false => Err(flaws),
        }
    }

    /// What follows a second colon is a remark.
    fn add(&mut self, line: &str) -> Result<(), String> {
        let Some((user, rest)) = line.split_once(':') else {
            return Err(String::from(
                "it is not `USER:HASH`, as `htpasswd -nB USER` prints it",
            ));
        };
        let odd = user.chars().any(char::is_control) || user.trim() != user;
        if user.is_empty() || user.len() > LONGEST_USER || odd {
            return Err(String::from(
                "the name of the user is missing, longer than 256 bytes, or has control characters or spaces at its ends",
            ));
        }
        let hash = rest.split(':').next().unwrap_or_default();
        passwords::examine(hash).map_err(|why| format!("the hash of the user `{user}` {why}"))?;
        match self.hashes.entry(user.to_owned()) {
            Entry::Occupied(_) => Err(format!("the user `{user}` is there twice")),
            Entry::Vacant(room) => {
                room.insert(hash.to_owned());
                self.first.get_or_insert_with(|| hash.to_owned());
                Ok(())
            }
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// A user's hash.
    pub(crate) fn hash(&self, user: &str) -> Option<&str> {
        self.hashes.get(user).map(String::as_str)
    }

    /// A hash that takes the time of a user's, where there is no such user.
    pub(crate) fn any_hash(&self) -> Option<&str> {
        self.first.as_deref()
    }
}
