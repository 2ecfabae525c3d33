// SPDX-License-Identifier: LGPL-2.1-or-later
//! What an audit needs of an X.509 certificate: how long it is valid, and how strong its key is. Nothing is verified.

use jiff::civil::DateTime;
use serde::{Deserialize, Serialize};

/// A chain is never longer; a bundle of all public authorities is no file of libvirt's.
const CERTIFICATE_LIMIT: usize = 16;

const RSA: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1];
const RSA_PSS: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 10];

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// RFC 3339, in UTC.
    pub not_before: String,
    pub not_after: String,
    /// Length of its RSA key; `None` for a key of another kind.
    pub rsa_bits: Option<u32>,
}

/// The certificates of a PEM file, in order. The error completes a sentence about the file.
pub(super) fn parse_pem(text: &str) -> Result<Vec<Certificate>, String> {
    let mut certificates = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        if line != "-----BEGIN CERTIFICATE-----" && line != "-----BEGIN X509 CERTIFICATE-----" {
            continue;
        }
        if certificates.len() == CERTIFICATE_LIMIT {
            return Err(format!("it has more than {CERTIFICATE_LIMIT} certificates"));
        }
        let mut der = Base64::default();
        loop {
            match lines.next() {
                None => return Err("a certificate in it does not end".to_owned()),
                Some(line) if line.starts_with("-----END") => break,
                Some(line) => der.add(line).ok_or("a certificate in it is not in base64")?,
            }
        }
        certificates.push(certificate(&der.bytes).ok_or("a certificate in it is not in the form of X.509")?);
    }
    if certificates.is_empty() { Err("there is no certificate in it".to_owned()) } else { Ok(certificates) }
}

#[derive(Default)]
struct Base64 {
    bytes: Vec<u8>,
    bits: u32,
    count: u32,
}

impl Base64 {
    fn add(&mut self, line: &str) -> Option<()> {
        for byte in line.bytes().filter(|byte| *byte != b'=') {
            let digit = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            self.bits = self.bits << 6 | u32::from(digit);
            self.count += 6;
            if self.count >= 8 {
                self.count -= 8;
                self.bytes.push((self.bits >> self.count).to_le_bytes()[0]);
            }
        }
        Some(())
    }
}

const INTEGER: u8 = 0x02;
const BIT_STRING: u8 = 0x03;
const OBJECT: u8 = 0x06;
const UTC_TIME: u8 = 0x17;
const TIME: u8 = 0x18;
const SEQUENCE: u8 = 0x30;
/// The version, which the oldest certificates lack.
const VERSION: u8 = 0xa0;

/// A row of DER elements: a tag, a length, and as many bytes. Nothing is read twice, so that the time is linear in the input.
#[derive(Clone, Copy)]
struct Der<'a>(&'a [u8]);

impl<'a> Der<'a> {
    fn next(&mut self) -> Option<(u8, &'a [u8])> {
        let (&[tag, short], mut rest) = self.0.split_first_chunk()?;
        let length = match short {
            0..=0x7f => usize::from(short),
            // Up to 16 MiB; DER has no length that is not known at the start (0x80).
            0x81..=0x83 => {
                let (bytes, after) = rest.split_at_checked(usize::from(short - 0x80))?;
                rest = after;
                bytes.iter().fold(0, |length, byte| length << 8 | usize::from(*byte))
            }
            _ => return None,
        };
        let (content, rest) = rest.split_at_checked(length)?;
        self.0 = rest;
        Some((tag, content))
    }

    fn expect(&mut self, wanted: u8) -> Option<&'a [u8]> {
        self.next().filter(|(tag, _)| *tag == wanted).map(|(_, content)| content)
    }

    fn sequence(&mut self) -> Option<Self> {
        self.expect(SEQUENCE).map(Self)
    }
}

pub(super) fn certificate(der: &[u8]) -> Option<Certificate> {
    let mut signed = Der(der).sequence()?.sequence()?;
    let (first, _) = signed.next()?;
    if first == VERSION {
        signed.expect(INTEGER)?;
    } else if first != INTEGER {
        return None;
    }
    let (_algorithm, _issuer) = (signed.sequence()?, signed.sequence()?);
    let mut validity = signed.sequence()?;
    let (not_before, not_after) = (time(validity.next()?)?, time(validity.next()?)?);
    let _subject = signed.sequence()?;
    let mut key = signed.sequence()?;
    let algorithm = key.sequence()?.expect(OBJECT)?;
    let bits = key.expect(BIT_STRING)?;
    let rsa_bits = if algorithm == RSA || algorithm == RSA_PSS { Some(rsa_bits(bits)?) } else { None };
    Some(Certificate { not_before, not_after, rsa_bits })
}

/// The length of the modulus. The first byte of a bit string counts its unused bits.
fn rsa_bits(bits: &[u8]) -> Option<u32> {
    let modulus = Der(bits.strip_prefix(&[0])?).sequence()?.expect(INTEGER)?;
    let start = modulus.iter().position(|byte| *byte != 0)?;
    // At most 16 MiB, so that the bits can be counted.
    let length = u32::try_from(modulus.len() - start).ok()?;
    length.checked_mul(8)?.checked_sub(modulus.get(start)?.leading_zeros())
}

/// `250102030405Z`, or with all four digits of the year.
fn time((tag, digits): (u8, &[u8])) -> Option<String> {
    let digits = std::str::from_utf8(digits).ok()?.strip_suffix('Z')?;
    let (year, rest) = match tag {
        // RFC 5280: two digits stand for 1950 to 2049.
        UTC_TIME => {
            let (year, rest) = digits.split_at_checked(2)?;
            let year = year.parse::<u8>().ok()?;
            (if year < 50 { 2000 } else { 1900 } + i16::from(year), rest)
        }
        TIME => {
            let (year, rest) = digits.split_at_checked(4)?;
            (year.parse().ok()?, rest)
        }
        _ => return None,
    };
    // A number's text may have a sign.
    if rest.len() != 10 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let part = |index: usize| rest.get(index..index + 2)?.parse::<i8>().ok();
    let time = DateTime::new(year, part(0)?, part(2)?, part(4)?, part(6)?, part(8)?, 0).ok()?;
    Some(format!("{time}Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const RSA_2048: &str = "-----BEGIN CERTIFICATE-----\n\
        MIICjDCCAXQCAQEwDQYJKoZIhvcNAQELBQAwDDEKMAgGA1UEAwwBaDAeFw0yNTAx\n\
        MDIwMzA0MDVaFw0zNTAxMDIwMzA0MDVaMAwxCjAIBgNVBAMMAWgwggEiMA0GCSqG\n\
        SIb3DQEBAQUAA4IBDwAwggEKAoIBAQDnqoMQJt7WC+01GbUn65yn2T35jhaJp+0B\n\
        Yb6W6uYJYBJqblxd3AiOcWiOO9HvKU1zGNMV3uVE90NqGcfCdG5goduipdRRzdyq\n\
        0jN+lznAz8NEzrJ21Ab5xPb5iJQrzzSvODBP3ne1Vjx+K2Xa3v2v5L/UQjZ4BmGN\n\
        8fd3A0noYGFQgIn6O0b5OpgjnwgJYtgkuFCB10kTeWJANii5VM48QwPWHcj4HvJC\n\
        Qv4/ITLeuA2y4Ph6RFdkSUE6dx5XvCOoTGus/HdTadjkEcr4mkBUlpNPNXvV8+gU\n\
        GXy8Ak73EKXfRUrX75RLLwrK+BRXq1r+4Y2BIHSfeywpkxsUQOJnAgMBAAEwDQYJ\n\
        KoZIhvcNAQELBQADggEBAG33t50UbBnqaVTxl2eFV0PNbceUxK8KLBtbsgyfc7oJ\n\
        /dh8/+2vCHVi1Q4dl3fGjiF9I6fwm0PCvtRM+tfpTGDooUqBGylteBlstR6gad/d\n\
        PHHJE6dP8w8QIRUSc9P7EPCK850vgV/cf6WvcHUFH1ag93ONxU+RMlQ/CGyb6Xg9\n\
        BYAK/8CQzgNzH9WQ/qFbbglGtDIvNNml65qdIFDZ9y4q23CEhIcQhr5X+LLJAsuJ\n\
        4+SJ4nIsQkGQ3Cupz5Q2umhvmA9R+3v1XQCyxCrYm3UoGgI6fdrlmq18QB3JCCid\n\
        kytV/CwtMlJtk5F06bkvwKlHxqW0+Ppd2IIQQOJBlmU=\n\
        -----END CERTIFICATE-----";
    /// Of 1024 bits, and valid until after 2049.
    const RSA_1024: &str = "-----BEGIN CERTIFICATE-----\n\
        MIIBiDCB8gIBATANBgkqhkiG9w0BAQsFADAMMQowCAYDVQQDDAFoMCAXDTI1MDEw\n\
        MjAzMDQwNVoYDzIwNTUwMTAyMDMwNDA1WjAMMQowCAYDVQQDDAFoMIGfMA0GCSqG\n\
        SIb3DQEBAQUAA4GNADCBiQKBgQC1n+RtlIa8Bczk0dsGl1P8GwV9PqUmeAXo4N21\n\
        bv0aPu6+jslLNmgx99MiKe6VVLI80k5jBhD8HhNVapXLqWBAdxl8nwwj7xPWZGOe\n\
        DlB8wTYe9IwSY3CJQi5T7TaYXMdGuk5kYgAvW4wBql2bir1YVYn4mS0ty+L3sZ6G\n\
        VhpijwIDAQABMA0GCSqGSIb3DQEBCwUAA4GBAKFO9MYFSwBMnqrxKIXwshLCQDEV\n\
        m6gq6S7c6w5OUa5jAyXaJmToJzcvaL22oMUs7brBUOJzh76gdfcF1RrJzH0KKrkd\n\
        p5ISZAK42vjHNa+JN7JrzukBOG0jksIR0sP1dbl6VxhTXmQKS8+00OkEyp2UorXo\n\
        h6A4vaOnjcVh7IBC\n\
        -----END CERTIFICATE-----";
    const EC: &str = "-----BEGIN CERTIFICATE-----\n\
        MIH/MIGmAgEBMAoGCCqGSM49BAMCMAwxCjAIBgNVBAMMAWgwHhcNMjUwMTAyMDMw\n\
        NDA1WhcNMjYwMTAyMDMwNDA1WjAMMQowCAYDVQQDDAFoMFkwEwYHKoZIzj0CAQYI\n\
        KoZIzj0DAQcDQgAEYZk3MBrvFhHB8uLUwUeHS0dLcGHzVVb3wcMWEK/oUNpV3OGK\n\
        PxGR5CTllwhDAlHvoznM1PWNI63NismJbLhpajAKBggqhkjOPQQDAgNIADBFAiEA\n\
        gsoM/c1LoXibtj+qyuuw+YkDQsr7wX8MHXArnAtRXQUCIE4z7vMFu1TAGN/LbCwm\n\
        cNYtuDmEqPlzYMePUwSCmMVH\n\
        -----END CERTIFICATE-----";

    fn read(pem: &str) -> Certificate {
        parse_pem(pem).unwrap()[0].clone()
    }

    #[test]
    fn certificates_that_openssl_made() {
        let certificate = |not_after: &str, rsa_bits| Certificate {
            not_before: "2025-01-02T03:04:05Z".to_owned(),
            not_after: not_after.to_owned(),
            rsa_bits,
        };
        assert_eq!(read(RSA_2048), certificate("2035-01-02T03:04:05Z", Some(2048)));
        assert_eq!(read(RSA_1024), certificate("2055-01-02T03:04:05Z", Some(1024)));
        assert_eq!(read(EC), certificate("2026-01-02T03:04:05Z", None));
        let chain = format!("Subject: CN=h\r\n{}\r\n{EC}", EC.replace('\n', "\r\n"));
        assert_eq!(parse_pem(&chain).unwrap(), [read(EC), read(EC)]);
    }

    #[test]
    fn each_truncated_certificate_is_refused() {
        let body: String = EC.lines().filter(|line| !line.starts_with('-')).collect();
        let mut der = Base64::default();
        der.add(&body).unwrap();
        assert!(certificate(&der.bytes).is_some());
        for length in 0..der.bytes.len() {
            assert_eq!(certificate(&der.bytes[..length]), None, "{length}");
        }
        // A damaged byte may change what is read, but stops nothing.
        for index in 0..der.bytes.len() {
            for value in [0, 0x7f, 0x80, 0x83, 0x84, 0xff] {
                let mut damaged = der.bytes.clone();
                damaged[index] = value;
                let _ = certificate(&damaged);
            }
        }
    }

    #[test]
    fn what_is_no_certificate_says_why() {
        let key = "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----".to_owned();
        let with = |body: &str| format!("-----BEGIN CERTIFICATE-----\n{body}-----END CERTIFICATE-----");
        for (text, why) in [
            (String::new(), "there is no certificate in it"),
            (key, "there is no certificate in it"),
            ("-----BEGIN CERTIFICATE-----\nAAAA".to_owned(), "a certificate in it does not end"),
            (with("A*AA\n"), "a certificate in it is not in base64"),
            (with(""), "a certificate in it is not in the form of X.509"),
            (format!("{EC}\n").repeat(17), "it has more than 16 certificates"),
        ] {
            assert_eq!(parse_pem(&text).unwrap_err(), why);
        }
        assert_eq!(parse_pem(&format!("{EC}\n").repeat(16)).unwrap().len(), 16);
    }

    #[test]
    fn times_of_both_forms() {
        let time = |tag, text: &str| time((tag, text.as_bytes()));
        assert_eq!(time(UTC_TIME, "491231235959Z").as_deref(), Some("2049-12-31T23:59:59Z"));
        assert_eq!(time(UTC_TIME, "500101000000Z").as_deref(), Some("1950-01-01T00:00:00Z"));
        assert_eq!(time(TIME, "99991231235959Z").as_deref(), Some("9999-12-31T23:59:59Z"));
        for (tag, text) in [
            (UTC_TIME, "251301000000Z"),
            (UTC_TIME, "2501010000Z"),
            (UTC_TIME, "250101000000+0100"),
            (UTC_TIME, "é501010000Z"),
            (TIME, "250101000000Z"),
            (TIME, "-0010101000000Z"),
            (UTC_TIME, "25+1+1000000Z"),
            (INTEGER, "250101000000Z"),
        ] {
            assert_eq!(time(tag, text), None, "{text}");
        }
    }
}
