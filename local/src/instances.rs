//! What EC2 says about instances.

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

    pub fn line(&self, state: &str) -> InstanceLine {
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
            address: self
                .public_ip
                .map(|address| address.to_string())
                .unwrap_or_default(),
            port: self.port(),
            state: state.into(),
        }
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
