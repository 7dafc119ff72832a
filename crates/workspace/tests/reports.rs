//! Report folders of any mode.

mod nobody;

use nobody::{again_as_nobody, is_root};
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use workspace::junit::look;

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
}

#[test]
fn reports_that_may_not_be_read_are_not_a_pass() {
    let parent = tempfile::tempdir().unwrap();
    let folder = parent.path().join("reports");
    fs::create_dir_all(folder.join("closed")).unwrap();
    fs::write(folder.join("a.xml"), "<testsuite/>").unwrap();
    fs::write(folder.join("closed/b.xml"), "<testsuite/>").unwrap();
    fs::write(folder.join("c.txt"), "").unwrap();
    for name in ["a.xml", "c.txt", "closed"] {
        mode(&folder.join(name), 0);
    }
    let found = look(&folder);
    if !is_root() {
        let denied = "Permission denied (os error 13)";
        let said = ["closed", "a.xml"].map(|name| format!("{name}: {denied}"));
        assert_eq!(found.summarise().malformed, said);
        assert_eq!(found.to_keep(), (Vec::new(), 2));
        mode(&folder, 0);
        let said = ["the report folder: Permission denied (os error 13)"];
        assert_eq!(look(&folder).summarise().malformed, said);
        mode(&folder, 0o700);
    }
    mode(&folder.join("closed"), 0o700);
    again_as_nobody("reports_that_may_not_be_read_are_not_a_pass");
}
