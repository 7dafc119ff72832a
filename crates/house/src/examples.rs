//! The examples' manifests, as a release on AWS would read them.

use crate::files::read;
use pipeline::manifest::Manifest;
use pipeline::names::Component;

#[test]
fn the_examples_are_read_without_a_warning_and_leave_ec2_its_time() {
    for name in ["api", "crc", "msa", "msb", "sums", "ui"] {
        let text = read(&format!("examples/{name}/cutover.toml"));
        let component = Component::new(name).expect("a name");
        let manifest = Manifest::parse(&text, &component).expect("a good manifest");
        assert_eq!(manifest.warnings(), [], "{name}");
    }
}
