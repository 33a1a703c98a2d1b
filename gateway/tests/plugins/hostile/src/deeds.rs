//! What a misbehaving plugin does.

use std::hint::black_box;

use witgate_plugin::{metrics::Counter, prelude::*};

/// One kind of misbehaviour, or of behaviour.
#[config]
#[derive(Default, PartialEq)]
pub enum Deed {
    #[default]
    Nothing,
    Trap,
    Loop,
    Memory,
    Recursion,
    LargeFrames,
    Handles,
    HugeHostCall,
    HugeReply,
    BadReply,
    Reply,
    Fail,
    Edit,
    EditThenTrap,
    BadEdits,
    WaitBody,
    WaitFirst,
    Again,
    Hold,
    HoldFirst,
    Replace,
    Done,
}

impl Deed {
    /// Does it where no more is known.
    pub fn do_it(&self) -> Result<Option<Reply>> {
        match self {
            Self::Trap => panic!("as I was told"),
            Self::Loop => loop {
                black_box(());
            },
            Self::Memory => {
                let mut hoard = Vec::new();
                loop {
                    hoard.push(black_box(vec![1u8; 1 << 20]));
                }
            }
            Self::Recursion => drop(black_box(recurse(black_box(1)))),
            Self::LargeFrames => drop(black_box(recurse_with_room(black_box(1)))),
            Self::Handles => loop {
                std::mem::forget(black_box(Counter::new("leak", &[])));
            },
            Self::HugeReply => return Ok(Some(Reply::new(200).body(vec![b'x'; 2 << 20]))),
            Self::BadReply => return Ok(Some(Reply::new(99))),
            Self::Reply => return Ok(Some(Reply::text(418, "a teapot").header("x-by", "hostile"))),
            Self::Fail => return Err("as I was told".into()),
            _ => {}
        }
        Ok(None)
    }

    /// Does it to a piece of a body.
    #[allow(clippy::needless_pass_by_value, reason = "its size is the point")]
    pub fn do_to(&self, chunk: Chunk) -> Result<BodyAction> {
        Ok(match self {
            Self::Hold if chunk.last => BodyAction::Pass,
            Self::Hold => BodyAction::Hold,
            Self::Replace => {
                let mut text = chunk.bytes.to_ascii_uppercase();
                if chunk.last {
                    text.push(b'!');
                }
                BodyAction::Replace(text)
            }
            Self::Done => BodyAction::Done,
            deed => match deed.do_it()? {
                Some(reply) => BodyAction::Reply(reply),
                None => BodyAction::Pass,
            },
        })
    }
}

#[expect(unconditional_recursion, reason = "that is the deed")]
fn recurse(depth: u64) -> u64 {
    black_box(recurse(depth + 1)) ^ depth
}

#[expect(unconditional_recursion, reason = "that is the deed")]
fn recurse_with_room(depth: u64) -> u64 {
    let room = black_box([depth; 256]);
    recurse_with_room(depth + 1) + room[0]
}

pub fn edit_request(request: &mut Request) -> Result<()> {
    request.set_header("x-set", "new")?;
    request.append_header("accept", "more")?;
    request.remove_header("x-old")?;
    request.set_method("PUT")?;
    request.set_path("/new?q=1")?;
    let seen = [
        request.method(),
        request.path(),
        request.query().unwrap_or_default(),
        request.header("accept").unwrap_or_default(),
        request.header("x-old").unwrap_or_default(),
    ];
    request.set_header("x-seen", seen.join(" "))?;
    Ok(())
}

/// Answers with what became of each edit.
pub fn bad_edits(request: &mut Request) -> Reply {
    let edits = [
        request.set_header("host", "elsewhere"),
        request.set_header("content-length", "0"),
        request.append_header("X-Forwarded-For", "1.2.3.4"),
        request.remove_header("te"),
        request.set_header("a b", "c"),
        request.set_header("x", "a\r\nb: c"),
        request.set_method("G T"),
        request.set_method("CONNECT"),
        request.set_path("no-slash"),
    ];
    let told: Vec<_> = edits.iter().map(|edit| format!("{edit:?}")).collect();
    Reply::text(200, told.join("\n"))
}
