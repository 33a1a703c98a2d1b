//! google.api.HttpRule, from the options of a method and from the route file.

use prost::{
    Message as _,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};
use prost_reflect::MethodDescriptor;

use crate::settings;

/// The number of the extension `google.api.http` of google.protobuf.MethodOptions.
const HTTP: u32 = 72_295_728;

/// The rule as it was written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct HttpRule {
    /// Method of HTTP and template; there should be one.
    pub(super) patterns: Vec<(String, String)>,
    pub(super) body: String,
    pub(super) response_body: String,
    pub(super) additional_bindings: Vec<HttpRule>,
}

/// The option is there but cannot be read.
#[derive(Debug)]
pub(super) struct Malformed;

type Result<T> = std::result::Result<T, Malformed>;

impl HttpRule {
    /// Reads the extension whether or not the descriptors declare it.
    pub(super) fn of(method: &MethodDescriptor) -> Result<Option<Self>> {
        let options = method.options().encode_to_vec();
        let mut rule = None;
        for field in fields(&options) {
            if let (HTTP, bytes) = field? {
                // A second occurrence is merged, as any message.
                rule.get_or_insert_with(Self::default).merge(bytes, 1)?;
            }
        }
        Ok(rule)
    }

    /// `depth` is how many levels of `additional_bindings` may follow; one more is read, to be complained about.
    fn merge(&mut self, bytes: &[u8], depth: usize) -> Result<()> {
        for field in fields(bytes) {
            let (number, bytes) = field?;
            match number {
                2 => self.pattern("GET", bytes)?,
                3 => self.pattern("PUT", bytes)?,
                4 => self.pattern("POST", bytes)?,
                5 => self.pattern("DELETE", bytes)?,
                6 => self.pattern("PATCH", bytes)?,
                7 => self.body = text(bytes)?,
                8 => self.custom(bytes)?,
                11 => {
                    let mut binding = Self::default();
                    if let Some(depth) = depth.checked_sub(1) {
                        binding.merge(bytes, depth)?;
                    }
                    self.additional_bindings.push(binding);
                }
                12 => self.response_body = text(bytes)?,
                _ => {}
            }
        }
        Ok(())
    }

    fn pattern(&mut self, method: &str, bytes: &[u8]) -> Result<()> {
        self.patterns.push((method.to_owned(), text(bytes)?));
        Ok(())
    }

    /// google.api.CustomHttpPattern.
    fn custom(&mut self, bytes: &[u8]) -> Result<()> {
        let (mut kind, mut path) = (String::new(), String::new());
        for field in fields(bytes) {
            match field? {
                (1, bytes) => kind = text(bytes)?,
                (2, bytes) => path = text(bytes)?,
                _ => {}
            }
        }
        self.patterns.push((kind, path));
        Ok(())
    }
}

fn text(bytes: &[u8]) -> Result<String> {
    String::from_utf8(bytes.to_vec()).map_err(|_| Malformed)
}

/// The fields of a message that hold bytes; others are skipped.
fn fields(mut bytes: &[u8]) -> impl Iterator<Item = Result<(u32, &[u8])>> {
    std::iter::from_fn(move || next_field(&mut bytes).transpose())
}

fn next_field<'b>(bytes: &mut &'b [u8]) -> Result<Option<(u32, &'b [u8])>> {
    while !bytes.is_empty() {
        let (number, wire_type) = decode_key(bytes).map_err(|_| Malformed)?;
        if wire_type != WireType::LengthDelimited {
            skip_field(wire_type, number, bytes, DecodeContext::default())
                .map_err(|_| Malformed)?;
            continue;
        }
        let length = decode_varint(bytes).map_err(|_| Malformed)?;
        let length = usize::try_from(length).map_err(|_| Malformed)?;
        let (value, rest) = bytes.split_at_checked(length).ok_or(Malformed)?;
        *bytes = rest;
        return Ok(Some((number, value)));
    }
    Ok(None)
}

impl From<&settings::Rule> for HttpRule {
    fn from(rule: &settings::Rule) -> Self {
        let known = [
            ("GET", &rule.get),
            ("PUT", &rule.put),
            ("POST", &rule.post),
            ("DELETE", &rule.delete),
            ("PATCH", &rule.patch),
        ];
        let known = known.into_iter().filter_map(|(method, template)| {
            let template = template.as_ref()?;
            Some((method.to_owned(), template.clone()))
        });
        let custom = rule.custom.iter();
        let custom = custom.map(|(method, template)| (method.clone(), template.clone()));
        Self {
            patterns: known.chain(custom).collect(),
            body: rule.body.clone(),
            response_body: rule.response_body.clone(),
            additional_bindings: rule.additional_bindings.iter().map(Self::from).collect(),
        }
    }
}
