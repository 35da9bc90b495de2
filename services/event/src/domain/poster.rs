use imagesize::ImageType;

/// No poster is larger on either side: browsers refuse to draw much more, and a small file may claim any size.
const MAX_SIDE: usize = 10_000;

/// What a poster may be. Told by its bytes: a name or a `Content-Type` says what somebody believes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PosterType {
    Png,
    Jpeg,
    Webp,
}

impl PosterType {
    /// The type of these bytes if they are one of such images, whole as far as its frame tells: it begins and ends as its type
    /// does, and has a width and a height. Whether the pixels in it make sense is not looked at.
    pub(crate) fn of(image: &[u8]) -> Option<Self> {
        let kind = match imagesize::image_type(image).ok()? {
            ImageType::Png => Self::Png,
            ImageType::Jpeg => Self::Jpeg,
            ImageType::Webp => Self::Webp,
            _ => return None,
        };
        let size = imagesize::blob_size(image).ok()?;
        let sides = 1..=MAX_SIDE;
        let sound = sides.contains(&size.width) && sides.contains(&size.height) && kind.is_whole(image);
        sound.then_some(kind)
    }

    /// Whether the image's frame is complete: an upload that was cut off must not be served for a year.
    fn is_whole(self, image: &[u8]) -> bool {
        match self {
            // Signature, then IHDR as the first chunk; IEND as the last.
            Self::Png => {
                image.starts_with(b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR") && image.ends_with(b"\0\0\0\0IEND\xae\x42\x60\x82")
            }
            // Cameras append to what ends with the marker of the end.
            Self::Jpeg => {
                image.windows(2).any(|marker| marker == [0xFF, 0xDA]) && {
                    let tail = image.len().saturating_sub(64 * 1024);
                    image
                        .get(tail..)
                        .is_some_and(|tail| tail.windows(2).any(|marker| marker == [0xFF, 0xD9]))
                }
            }
            // The container tells its own length, which is rounded up to an even number.
            Self::Webp => {
                let told = image
                    .get(4..8)
                    .and_then(|bytes| bytes.try_into().ok())
                    .map(u32::from_le_bytes);
                told.and_then(|told| usize::try_from(told).ok()).is_some_and(|told| {
                    (image.len() - 8..=image.len() - 7).contains(&told) || told + 8 + told % 2 == image.len()
                })
            }
        }
    }

    /// For `Content-Type`.
    pub(crate) const fn media_type(self) -> &'static str {
        match self {
            Self::Png => "image/png",
            Self::Jpeg => "image/jpeg",
            Self::Webp => "image/webp",
        }
    }

    /// For names of files.
    pub(crate) const fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpeg => "jpg",
            Self::Webp => "webp",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn png(width: u32) -> Vec<u8> {
        let mut image = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
        image.extend(width.to_be_bytes());
        image.extend(20_u32.to_be_bytes());
        image.extend(b"\x08\x02\0\0\0....\0\0\0\0IEND\xae\x42\x60\x82");
        image
    }

    fn jpeg() -> Vec<u8> {
        let mut image = vec![0xFF, 0xD8, 0xFF, 0xE0, 0, 4, 0, 0];
        image.extend([0xFF, 0xC0, 0, 11, 8, 0, 20, 0, 30, 1, 1, 0x11, 0]);
        image.extend([0xFF, 0xDA, 0, 2, 1, 2, 3, 0xFF, 0xD9]);
        image
    }

    fn webp() -> Vec<u8> {
        let mut image = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x13\0\0\x1d\0\0".to_vec();
        let length = u32::try_from(image.len() - 8).unwrap();
        image[4..8].copy_from_slice(&length.to_le_bytes());
        image
    }

    #[test]
    fn images_are_told_by_their_bytes() {
        assert_eq!(PosterType::of(&png(30)), Some(PosterType::Png));
        assert_eq!(PosterType::of(&jpeg()), Some(PosterType::Jpeg));
        assert_eq!(PosterType::of(&webp()), Some(PosterType::Webp));
        for other in [
            &b""[..],
            b"<html>",
            b"GIF89a\x01\0\x01\0....................",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>",
            b"\x89PNG",
            b"\xFF\xD8\xFF",
            b"RIFF\0\0\0\0WEBP",
            b"%PDF-1.7",
        ] {
            assert_eq!(PosterType::of(other), None, "{other:?}");
        }
    }

    #[test]
    fn what_was_cut_off_or_claims_to_be_huge_is_no_poster() {
        for image in [png(30), jpeg(), webp()] {
            for length in 0..image.len() {
                assert_eq!(PosterType::of(&image[..length]), None, "{length}");
            }
        }
        for width in [0, 10_001, u32::MAX] {
            assert_eq!(PosterType::of(&png(width)), None, "{width}");
        }
    }
}
