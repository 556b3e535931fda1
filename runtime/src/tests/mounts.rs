//! What is read of the kernel's list of mounts.

use crate::sys::mounts;

#[test]
fn mounts_are_found_behind_any_number_of_optional_fields() {
    let text = "\
        22 29 0:21 / /proc rw,nosuid - proc proc rw\n\
        29 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n\
        88 29 0:40 / /a\\040folder rw master:2 propagate_from:3 unbindable - fuse.sshfs x - rw\n\
        no line of the list\n\
        7 7 0:1 / / rw\n";
    let expected = [(22, "proc"), (29, "ext4"), (88, "fuse.sshfs")];
    let found = mounts(text).map(|mount| (mount.number, mount.kind));
    assert_eq!(found.collect::<Vec<_>>(), expected);
}
