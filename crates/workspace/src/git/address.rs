use super::GitError;
use gix::ObjectId;
use reqwest::Url;

/// Takes `https://`, and `http://` where the host is this machine: there nothing can be
/// changed on the way. An address is an argument of stages and shows in logs, so it must not
/// carry credentials.
pub(super) fn checked(address: &str) -> Result<Url, GitError> {
    // Not parsed, not shown: what does not parse may have a password in it.
    let refused = |reason| GitError::Address { reason };
    let url = Url::parse(address).map_err(|_| refused("it is not a URL"))?;
    let host = match url.host_str() {
        Some(host) if !host.is_empty() => host,
        _ => return Err(refused("it has no host")),
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(refused("a user or password must not stand in it"));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it has a query or a fragment"));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_this_machine(host) => Ok(url),
        "http" => Err(refused(
            "http is only for repositories on this machine; use https",
        )),
        _ => Err(refused("only https is supported")),
    }
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let loopback = bare
        .parse::<std::net::IpAddr>()
        .is_ok_and(|ip| ip.is_loopback());
    // RFC 6761: names below localhost are this machine.
    loopback || bare == "localhost" || bare.ends_with(".localhost")
}

pub(super) fn commit(sha: &str) -> Result<ObjectId, GitError> {
    let not_a_sha = || GitError::NotASha {
        given: sha.chars().take(60).collect(),
    };
    if !is_full_sha(sha) {
        return Err(not_a_sha());
    }
    ObjectId::from_hex(sha.as_bytes()).map_err(|_| not_a_sha())
}

/// 40 lower-case hexadecimal digits.
pub(super) fn is_full_sha(text: &str) -> bool {
    text.len() == 40 && is_lower_hex(text)
}

pub(super) fn is_lower_hex(text: &str) -> bool {
    text.bytes()
        .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn https_and_this_machine_are_taken() {
        for url in [
            "https://git.example.com/team/api.git",
            "http://127.0.0.1:8080/api.git",
            "http://[::1]:8080/api.git",
            "http://git.myproj.localhost:8080/api.git",
        ] {
            assert!(checked(url).is_ok(), "{url}");
        }
    }

    #[test]
    fn every_other_address_is_refused() {
        for url in [
            "http://git.example.com/api.git",
            "http://127.0.0.1.example.com/api.git",
            "https://user@git.example.com/api.git",
            "https://git.example.com/api.git?x=1",
            "ssh://git@git.example.com/api.git",
            "git@git.example.com:api.git",
            "file:///srv/api.git",
            "/srv/api.git",
            "../api.git",
            "ext::sh -c date",
            "--upload-pack=x",
            "",
        ] {
            assert!(
                matches!(checked(url), Err(GitError::Address { .. })),
                "{url}"
            );
        }
    }

    #[test]
    fn a_refused_address_does_not_show_its_password() {
        let error = checked("https://ann:open-sesame@git.example.com/api.git").unwrap_err();
        assert!(!format!("{error} {error:?}").contains("open-sesame"));
    }
}
