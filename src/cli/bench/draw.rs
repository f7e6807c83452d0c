//! Numbers that look random and are the same in every run: `SplitMix64` (Steele, Lea, Flood 2014).

const SEED: u64 = 0x0067_7569_6368_6574;

/// The number drawn at place `place`. Every place can be asked at once, so threads that share the places out between them
/// draw together what one would draw alone.
#[inline]
pub fn draw(place: u64) -> u64 {
    let state = SEED.wrapping_add(place.wrapping_add(1).wrapping_mul(0x9E37_79B9_7F4A_7C15));
    let mixed = (state ^ (state >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}
