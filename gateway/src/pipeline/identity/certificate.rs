//! The certificate of a client (mTLS), as policies see it.

use std::fmt::Write;

use aws_lc_rs::digest::{SHA256, digest};
use x509_parser::{
    prelude::{FromDer, GeneralName, X509Certificate},
    x509::{AttributeTypeAndValue, X509Name},
};

/// What a client's certificate says. Read once for each connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Certificate {
    /// The one URI among its names, if it is a SPIFFE id.
    pub spiffe_id: Option<Box<str>>,
    pub dns_names: Box<[Box<str>]>,
    /// As RFC 4514 writes it.
    pub subject: Box<str>,
    /// SHA-256 of the whole, in lower-case hexadecimal digits.
    pub fingerprint: Box<str>,
}

/// Bytes of a SPIFFE id.
const LONGEST_ID: usize = 2048;

impl Certificate {
    /// Reads a certificate in DER, whose signature has been checked. None when it cannot be read.
    pub fn read(der: &[u8]) -> Option<Self> {
        let (_, certificate) = X509Certificate::from_der(der).ok()?;
        let names = certificate.subject_alternative_name().ok()?;
        let names = names.map_or(&[][..], |names| &names.value.general_names);
        let dns_names = names.iter().filter_map(|name| match name {
            GeneralName::DNSName(name) => Some(name.to_ascii_lowercase().into()),
            _ => None,
        });
        Some(Self {
            spiffe_id: spiffe_id(names).map(Into::into),
            dns_names: dns_names.collect(),
            subject: distinguished_name(certificate.subject()).into(),
            fingerprint: hex(digest(&SHA256, der).as_ref()).into(),
        })
    }
}

/// A certificate with more than one URI is no X.509-SVID (SPIFFE X509-SVID section 2).
fn spiffe_id<'a>(names: &[GeneralName<'a>]) -> Option<&'a str> {
    let mut uris = names.iter().filter_map(|name| match name {
        GeneralName::URI(uri) => Some(*uri),
        _ => None,
    });
    match (uris.next(), uris.next()) {
        (Some(uri), None) => Some(uri).filter(|uri| is_spiffe_id(uri)),
        _ => None,
    }
}

/// Whether it is the id of a workload (SPIFFE-ID section 2), with a path.
fn is_spiffe_id(uri: &str) -> bool {
    let Some((domain, path)) = uri
        .strip_prefix("spiffe://")
        .and_then(|rest| rest.split_once('/'))
    else {
        return false;
    };
    let in_domain =
        |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'.' | b'-' | b'_');
    let in_path = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    let is_segment =
        |segment: &str| !matches!(segment, "" | "." | "..") && segment.bytes().all(in_path);
    uri.len() <= LONGEST_ID
        && !domain.is_empty()
        && domain.bytes().all(in_domain)
        && path.split('/').all(is_segment)
}

/// The last part first, with `,` between parts and `+` within one (RFC 4514 section 2).
fn distinguished_name(name: &X509Name<'_>) -> String {
    let parts: Vec<_> = name.iter().collect();
    let part = |part: &&x509_parser::x509::RelativeDistinguishedName<'_>| {
        part.iter().map(attribute).collect::<Vec<_>>().join("+")
    };
    let parts: Vec<_> = parts.iter().rev().map(part).collect();
    parts.join(",")
}

fn attribute(attribute: &AttributeTypeAndValue<'_>) -> String {
    let oid = attribute.attr_type().to_id_string();
    let short = match oid.as_str() {
        "2.5.4.3" => "CN",
        "2.5.4.6" => "C",
        "2.5.4.7" => "L",
        "2.5.4.8" => "ST",
        "2.5.4.9" => "STREET",
        "2.5.4.10" => "O",
        "2.5.4.11" => "OU",
        "0.9.2342.19200300.100.1.1" => "UID",
        "0.9.2342.19200300.100.1.25" => "DC",
        _ => &oid,
    };
    match attribute.as_str() {
        Ok(text) => format!("{short}={}", escaped(text)),
        Err(_) => format!("{short}=#{}", hex(attribute.as_slice())),
    }
}

/// RFC 4514 section 2.4, and control characters as `\0A`.
fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let last = text.chars().count().saturating_sub(1);
    for (at, c) in text.chars().enumerate() {
        let at_an_end = (c == ' ' && (at == 0 || at == last)) || (c == '#' && at == 0);
        if c.is_ascii_control() {
            // Writing to a string cannot fail.
            let _ = write!(out, "\\{:02X}", c as u32);
        } else if at_an_end || matches!(c, '"' | '+' | ',' | ';' | '<' | '>' | '\\') {
            out.extend(['\\', c]);
        } else {
            out.push(c);
        }
    }
    out
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use rcgen::{CertificateParams, DnType, KeyPair, SanType};

    use super::*;

    fn made(uris: &[&str], common_name: &str) -> Certificate {
        let mut params = CertificateParams::new(vec!["Orders.Example.com".into()]).unwrap();
        let uri = |uri: &&str| SanType::URI((*uri).try_into().unwrap());
        params.subject_alt_names.extend(uris.iter().map(uri));
        params
            .distinguished_name
            .push(DnType::OrganizationName, "Example, Inc.");
        params
            .distinguished_name
            .push(DnType::CommonName, common_name);
        let made = params.self_signed(&KeyPair::generate().unwrap()).unwrap();
        Certificate::read(made.der()).unwrap()
    }

    #[test]
    fn a_workload_has_one_id() {
        let id = "spiffe://example.org/ns/shop/sa/orders";
        let certificate = made(&[id], "orders");
        assert_eq!(certificate.spiffe_id.as_deref(), Some(id));
        assert_eq!(*certificate.dns_names, ["orders.example.com".into()]);
        assert_eq!(certificate.fingerprint.len(), 64);
        assert_eq!(
            made(&[id, "spiffe://example.org/admin"], "x").spiffe_id,
            None
        );
        assert_eq!(made(&[], "spiffe://example.org/a").spiffe_id, None);
    }

    #[test]
    fn only_whole_ids_count() {
        for id in ["spiffe://a/b", "spiffe://a.b-c_1/X/y.z-_0"] {
            assert!(is_spiffe_id(id), "{id}");
        }
        for id in [
            "https://a/b",
            "SPIFFE://a/b",
            "spiffe://a",
            "spiffe://a/",
            "spiffe:///b",
            "spiffe://A/b",
            "spiffe://a:1/b",
            "spiffe://u@a/b",
            "spiffe://a//b",
            "spiffe://a/../b",
            "spiffe://a/b/",
            "spiffe://a/b?c",
            "spiffe://a/b%2f",
        ] {
            assert!(!is_spiffe_id(id), "{id}");
        }
    }

    #[test]
    fn a_name_cannot_pretend_to_be_several() {
        let certificate = made(&[], " eve,O=Bank\n");
        let subject = &*certificate.subject;
        assert!(subject.contains("CN=\\ eve\\,O=Bank\\0A"), "{subject}");
        assert!(subject.contains("O=Example\\, Inc."), "{subject}");
    }
}
