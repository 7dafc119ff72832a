//! What EC2 says about instances, and the loopback addresses that they have here.

use std::collections::HashMap;
use std::net::Ipv4Addr;

use aws_sdk_ec2::types::Instance;

use crate::state::InstanceLine;

/// An instance as EC2 describes it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Described {
    pub id: String,
    pub private_ip: Option<Ipv4Addr>,
    pub public_ip: Option<Ipv4Addr>,
    pub zone: String,
    pub kind: String,
    pub image: String,
    pub tags: HashMap<String, String>,
}

/// Where an instance's user data and role come from.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TemplateVersion {
    pub template: String,
    pub version: String,
}

impl Described {
    pub fn read(instance: &Instance) -> Option<Self> {
        let tags = instance.tags().iter();
        Some(Self {
            id: instance.instance_id()?.to_owned(),
            private_ip: instance
                .private_ip_address()
                .and_then(|text| text.parse().ok()),
            public_ip: instance
                .public_ip_address()
                .and_then(|text| text.parse().ok()),
            zone: instance
                .placement()
                .and_then(|placement| placement.availability_zone())
                .unwrap_or_default()
                .into(),
            kind: instance
                .instance_type()
                .map(|kind| kind.as_str().to_owned())
                .unwrap_or_default(),
            image: instance.image_id().unwrap_or_default().into(),
            tags: tags
                .filter_map(|tag| Some((tag.key()?.to_owned(), tag.value()?.to_owned())))
                .collect(),
        })
    }

    /// The emulator keeps no user data with an instance, so the tag tells where it is.
    pub fn template(&self) -> Option<TemplateVersion> {
        let (template, version) = self.tags.get("cutover:launch-template")?.split_once(':')?;
        Some(TemplateVersion {
            template: template.into(),
            version: version.into(),
        })
    }

    /// The port that the component behind this instance listens on.
    pub fn port(&self) -> Option<u16> {
        self.tags.get("cutover:port")?.parse().ok()
    }

    pub fn line(&self, address: Ipv4Addr, state: &str) -> InstanceLine {
        let tag = |name: &str| {
            self.tags
                .get(&format!("cutover:{name}"))
                .cloned()
                .unwrap_or_default()
        };
        InstanceLine {
            id: self.id.clone(),
            component: tag("component"),
            commit: tag("commit"),
            release: tag("release"),
            target: tag("target"),
            address: address.to_string(),
            port: self.port(),
            state: state.into(),
        }
    }
}

/// Hands out 127.100.x.y, each once until all were used.
#[derive(Debug, Default)]
pub struct Addresses(u32);

/// 127.100.x.y without .0 and .255, which look like a network and a broadcast address.
const PER_BLOCK: u32 = 254;
const BLOCKS: u32 = 256;

impl Addresses {
    pub fn next(&mut self) -> Ipv4Addr {
        let number = self.0 % (BLOCKS * PER_BLOCK);
        self.0 = number + 1;
        Ipv4Addr::new(
            127,
            100,
            (number / PER_BLOCK) as u8,
            (number % PER_BLOCK + 1) as u8,
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tagged(tags: &[(&str, &str)]) -> Described {
        let tags = tags
            .iter()
            .map(|(name, value)| (format!("cutover:{name}"), (*value).to_owned()))
            .collect();
        Described {
            id: "i-1".into(),
            tags,
            ..Described::default()
        }
    }

    #[test]
    fn addresses_are_all_different_until_all_were_used() {
        let mut addresses = Addresses::default();
        let all: Vec<Ipv4Addr> = (0..BLOCKS * PER_BLOCK).map(|_| addresses.next()).collect();
        let distinct: std::collections::HashSet<&Ipv4Addr> = all.iter().collect();
        assert_eq!(distinct.len(), all.len());
        assert!(
            all.iter()
                .all(|address| ![0, 255].contains(&address.octets()[3]))
        );
        assert_eq!(addresses.next(), Ipv4Addr::new(127, 100, 0, 1));
    }

    #[test]
    fn the_tag_names_template_and_version() {
        let wanted = TemplateVersion {
            template: "lt-1".into(),
            version: "7".into(),
        };
        assert_eq!(
            tagged(&[("launch-template", "lt-1:7")]).template(),
            Some(wanted)
        );
        assert_eq!(tagged(&[("launch-template", "lt-1")]).template(), None);
        assert_eq!(tagged(&[]).template(), None);
    }

    #[test]
    fn a_port_that_is_none_is_no_port() {
        assert_eq!(tagged(&[("port", "8080")]).port(), Some(8080));
        assert_eq!(tagged(&[("port", "80800")]).port(), None);
    }
}
