//! What a fuzzer makes of samples: bytes changed, parts copied, removed and exchanged, words of the format put in.

/// Longer inputs find nothing that shorter ones do not.
const LONGEST: usize = 64 * 1024;
/// Numbers at which arithmetic goes wrong.
const NUMBERS: [&[u8]; 8] =
    [b"0", b"-1", b"255", b"65536", b"2147483648", b"4294967295", b"18446744073709551615", b"99999999999999999999"];

/// An endless row of inputs, the same for the same seed.
pub(crate) struct Mutator<'a> {
    state: u64,
    samples: &'a [Vec<u8>],
    words: &'a [&'a [u8]],
}

impl<'a> Mutator<'a> {
    pub(crate) fn new(seed: u64, samples: &'a [Vec<u8>], words: &'a [&'a [u8]]) -> Self {
        Self { state: seed, samples, words }
    }

    pub(crate) fn next(&mut self) -> Vec<u8> {
        let mut input = self.sample().to_vec();
        for _ in 0..=self.below(6) {
            self.change(&mut input);
        }
        input.truncate(LONGEST);
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.below(input.len() + 1);
        let end = at + self.below((input.len() - at).min(600) + 1);
        match self.below(8) {
            0 if at < input.len() => input[at] = self.byte(),
            1 if at < input.len() => input[at] ^= 1 << self.below(8),
            2 => drop(input.drain(at..end)),
            3 => {
                let part = input[at..end].to_vec();
                let to = self.below(input.len() + 1);
                input.splice(to..to, part);
            }
            4 => {
                let other = self.sample();
                let from = self.below(other.len() + 1);
                input.splice(at.., other[from..].iter().copied());
            }
            5 => {
                let word = NUMBERS[self.below(NUMBERS.len())];
                input.splice(at..end.min(at + word.len()), word.iter().copied());
            }
            6 if !self.words.is_empty() => {
                let word = self.words[self.below(self.words.len())];
                input.splice(at..at, word.iter().copied());
            }
            _ => {
                let byte = self.byte();
                let length = [1, 2, 16, 300][self.below(4)];
                input.splice(at..at, std::iter::repeat_n(byte, length));
            }
        }
    }

    fn sample(&mut self) -> &'a [u8] {
        &self.samples[self.below(self.samples.len())]
    }

    fn byte(&mut self) -> u8 {
        self.random().to_le_bytes()[7]
    }

    /// A number smaller than `limit`, which is not zero.
    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.random() >> 16).unwrap_or_default() % limit
    }

    /// `SplitMix64`: good enough, and five lines.
    fn random(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}
