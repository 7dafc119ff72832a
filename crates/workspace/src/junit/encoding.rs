//! Reports are not always UTF-8: .NET writes UTF-16, older tools what their machine speaks.

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE};

/// Where a declaration ends at the latest.
const DECLARATION: usize = 200;

/// The text of an XML file, by its byte order mark or its declaration, as in
/// <https://www.w3.org/TR/xml/#sec-guessing>. Bytes that the encoding does not have are replaced.
///
/// # Errors
/// When nobody knows the encoding that it declares.
pub(super) fn decode(bytes: Vec<u8>) -> Result<String, String> {
    if let Some((encoding, mark)) = Encoding::for_bom(&bytes) {
        return Ok(text(encoding, &bytes[mark..]));
    }
    match bytes[..] {
        [b'<', 0, ..] => Ok(text(UTF_16LE, &bytes)),
        [0, b'<', ..] => Ok(text(UTF_16BE, &bytes)),
        _ => match declared(&bytes)? {
            // It is of single bytes, so it is not what it declares: .NET's StringWriter does that.
            encoding if encoding == UTF_16LE || encoding == UTF_16BE => Ok(text(UTF_8, &bytes)),
            encoding => Ok(text(encoding, &bytes)),
        },
    }
}

fn text(encoding: &'static Encoding, bytes: &[u8]) -> String {
    encoding.decode_without_bom_handling(bytes).0.into_owned()
}

/// UTF-8 where nothing is declared.
fn declared(bytes: &[u8]) -> Result<&'static Encoding, String> {
    let head = String::from_utf8_lossy(&bytes[..bytes.len().min(DECLARATION)]);
    let declaration = head
        .trim_start()
        .strip_prefix("<?xml")
        .and_then(|rest| rest.split_once("?>"))
        .map(|(declaration, _)| declaration);
    let label = declaration
        .and_then(|text| text.split_once("encoding"))
        .map(|(_, rest)| rest.trim_start_matches(|c: char| c.is_whitespace() || c == '='))
        .and_then(|rest| {
            let quote = rest.chars().next().filter(|c| matches!(c, '"' | '\''))?;
            rest[1..].split(quote).next()
        });
    match label {
        None => Ok(UTF_8),
        Some(label) => Encoding::for_label(label.as_bytes())
            .ok_or_else(|| format!("its encoding {label:?} is not known")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(bytes: &[u8], expected: &str) {
        let decoded = decode(bytes.to_vec()).unwrap_or_else(|error| error);
        let end = decoded.rsplit('>').next().unwrap_or_default();
        assert_eq!(end, expected, "{decoded:?}");
    }

    fn utf16(text: &str, swap: bool) -> Vec<u8> {
        let bytes = |unit: u16| {
            if swap {
                unit.to_be_bytes()
            } else {
                unit.to_le_bytes()
            }
        };
        text.encode_utf16().flat_map(bytes).collect()
    }

    #[test]
    fn a_text_is_read_by_its_mark_or_its_declaration() {
        check("<?xml version='1.0'?>größer".as_bytes(), "größer");
        check("\u{feff}<a>größer".as_bytes(), "größer");
        check(
            b"<?xml version=\"1.0\" encoding=\"ISO-8859-1\"?>gr\xf6\xdfer",
            "größer",
        );
        check(b"<?xml version='1.0' encoding = 'windows-1252'?>\x80", "€");
        check(b"<?xml version='1.0' encoding='Shift_JIS'?>\x93\xfa", "日");
        for swap in [false, true] {
            check(
                &utf16(
                    "\u{feff}<?xml version='1.0' encoding='utf-16'?>größer",
                    swap,
                ),
                "größer",
            );
            check(
                &utf16("<?xml version='1.0' encoding='utf-16'?>größer", swap),
                "größer",
            );
        }
    }

    #[test]
    fn a_declaration_that_cannot_be_true_is_not_believed() {
        check(
            "<?xml version='1.0' encoding='utf-16'?>größer".as_bytes(),
            "größer",
        );
    }

    #[test]
    fn an_unknown_encoding_is_said() {
        check(
            b"<?xml version='1.0' encoding='klingon'?>",
            "its encoding \"klingon\" is not known",
        );
    }
}
