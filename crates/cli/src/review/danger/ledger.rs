//! What Ledger's own library loses on the way to a device.

/// Whether @ledgerhq/hw-app-eth (7.9.0) sends a `bytes` field of this many bytes without the last of them.
///
/// It writes the length before the content, in two bytes, cuts the whole into parts of 255, and sends as many as there
/// would be of 256: lengths from 255 k − 1 to 256 k − 2, for each k from 1.
pub(super) const fn cuts(length: usize) -> bool {
    let sent = length + 2;
    sent.div_ceil(256) * 255 < sent
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many bytes the library sent, of how many it was given.
    #[test]
    fn lengths_are_cut_where_the_library_cuts_them() {
        for (given, sent) in [
            (0, 0),
            (1, 1),
            (252, 252),
            (253, 253),
            (254, 253),
            (255, 255),
            (508, 508),
            (509, 508),
            (510, 508),
            (511, 511),
            (763, 763),
            (764, 763),
            (766, 763),
            (767, 767),
            (65278, 65023),
            (65279, 65278),
            (65534, 65278),
        ] {
            assert_eq!(cuts(given), sent < given, "{given}");
        }
    }
}
