"""Signatures and encrypted sources against the vectors of dialect §2.3."""

import hmac
from contextlib import suppress

import pytest
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from hypothesis import given
from hypothesis import strategies as st

from imgproxy_py.dialects.encryption import AuthenticatedCipher, CipherMode, SourceCipher
from imgproxy_py.dialects.imgproxy import ImgproxyConfig, ImgproxyDialect
from imgproxy_py.dialects.lexical import from_base64, to_base64
from imgproxy_py.dialects.signing import KeyPair, Signer
from imgproxy_py.errors import BadRequest, SignatureMismatch, SignatureMissing
from imgproxy_py.recipe.request import ImageRequest
from imgproxy_py.recipe.source import SourceRef


def pair(key: str, salt: str) -> KeyPair:
    return KeyPair(bytes.fromhex(key), bytes.fromhex(salt))


SECRET = pair("736563726574", "68656C6C6F")
TEST = pair("746573742d6b6579", "746573742d73616c74")
TEST2 = pair("746573742d6b657932", "746573742d73616c7432")
LONG = pair(
    "943b421c9eb07c830af81030552c86009268de4e532ba2ee2eab8247c6da0881",
    "520f986b998545b4785e0defbc4f3c1203f22de2374a3d53cb7a7fe9fea309c5",
)
ESCAPED = "/rs:fit:300:200/plain/https://example.com/images/a%20b.jpg%3Fv=1@webp"
SPLIT = "/rs:fill:300:400:0/g:sm/aHR0cDovL2V4YW1w/bGUuY29tL2ltYWdl/cy9jdXJpb3NpdHku/anBn.png"

VECTORS = {
    "S1": (SECRET, SPLIT, 32, "oKfUtW34Dvo2BGQehJFR4Nr0_rIjOtdtzJ3QFsUcXH8"),
    "S2": (TEST, "/rs:fill:4:4/plain/local:///test1.png", 32, "My9d3xq_PYpVHsPrCyww0Kh1w5KZeZhIlWhsa4az1TI"),
    "S3": (TEST, "/asd", 32, "oWaL7QoW5TsgbuiS9-5-DI8S3Ibbo1gdB2SteJh3a20"),
    "S4": (TEST, "/asd", 8, "oWaL7QoW5Ts"),
    "S5": (TEST2, "/asd", 32, "jYz1UZ7j1BCdSzH3pZhaYf0iuz0vusoOTdqJsUT6WXI"),
    "S6": (LONG, ESCAPED, 32, "YAwJmSCXsp_9R1s8IZXgyZiG6PHi_K170gfGYEJDq4Q"),
    "S7": (LONG, ESCAPED, 16, "YAwJmSCXsp_9R1s8IZXgyQ"),
    "S8": (LONG, "/plain/https://example.com/cat.jpg", 32, "t2AyaRXEAi2hRgFUOPrfGDSXi_Jr6K_jp-RSM5h8rZ8"),
    "S9": (
        LONG,
        "/w:100/h:100/aHR0cHM6Ly9leGFtcGxlLmNvbS9jYXQuanBn.avif",
        32,
        "z-O0G7wBEk29dpLAYwP0C1f5Qni4tcaaDgwAfczfqok",
    ),
}


@pytest.mark.parametrize(("keys", "text", "size", "signature"), VECTORS.values(), ids=VECTORS)
def test_vectors_are_signed_and_verified(keys, text, size, signature):
    signer = Signer((keys,), size)
    assert signer.sign(text) == signer.sign(text.encode()) == signature
    signer.verify(signature, text)
    dialect = ImgproxyDialect(ImgproxyConfig(pairs=(keys,), signature_size=size))
    dialect.verify(dialect.split(f"/{signature}{text}"))


@pytest.mark.parametrize(
    "signature",
    ["", "unsafe", "oWaL7QoW5Ts", "oWaL7QoW5TsgbuiS9-5-DI8S3Ibbo1gdB2SteJh3a20=", "oWaL7QoW5TsgbuiS9+5+DI8S3Ibbo1gdB2SteJh3a20",
     "é", "\ud800", VECTORS["S5"][3]],
)  # fmt: skip
def test_other_signatures_do_not_hold(signature):
    with pytest.raises(SignatureMismatch):
        Signer((TEST,)).verify(signature, "/asd")


def test_any_pair_verifies_and_the_first_signs():
    signer = Signer((TEST2, TEST))
    assert signer.sign("/asd") == VECTORS["S5"][3]
    signer.verify(VECTORS["S3"][3], "/asd")
    signer.verify(VECTORS["S5"][3], "/asd")


def test_a_trusted_signature_passes_for_anything():
    signer = Signer((TEST,), trusted=("let me in", "or me"))
    signer.verify("or me", "/whatever")
    with pytest.raises(SignatureMismatch):
        signer.verify("or", "/whatever")


def test_one_of_several_texts_is_enough():
    Signer((TEST,)).verify(VECTORS["S3"][3], "/other", "/asd")


def test_signing_off_passes_everything_but_an_option():
    signer = Signer()
    signer.verify("anything", "/asd")
    signer.require("unsafe")
    with pytest.raises(SignatureMissing) as caught:
        signer.require("rs:fit:1:1")
    assert caught.value.detail == (
        "The signature appears to be a processing option. The signature section should always be present in the URL."
    )
    with pytest.raises(ValueError, match="off"):
        signer.sign("/asd")


def test_signing_on_takes_a_colon_for_a_wrong_signature():
    Signer((TEST,)).require("rs:fit:1:1")


@pytest.mark.parametrize("size", [0, 33, -1])
def test_a_signature_has_1_to_32_bytes(size):
    with pytest.raises(ValueError, match="1 to 32"):
        Signer((TEST,), size)


def test_keys_are_not_shown():
    assert "secret" not in repr(SECRET)
    assert repr(Signer((SECRET,))) == "<Signer pairs=1 size=32 trusted=0>"


E1 = (
    bytes.fromhex("1eb5b0e971ad7f45324c1bb15c947cb207c43152fa5c6c7f35c4f36e0c18e0f1"),
    bytes.fromhex("A79563A2B35D86CEE6451C3C800F535A"),
    "http://example.com/images/curiosity.jpg",
    "p5VjorNdhs7mRRw8gA9TWoRlGci3l1kuzqN43UQlRaRIQ0qtBKW3qFABIsx-ZRz_cVc8iVTYbhsNsxNBL1BHaQ",
)
E2 = (
    bytes.fromhex("000102030405060708090a0b0c0d0e0f"),
    bytes.fromhex("0f0e0d0c0b0a09080706050403020100"),
    "s3://bucket/key.png",
    "Dw4NDAsKCQgHBgUEAwIBAIZc7Crpf4TVzxvZjAyDcGk_TdrGBzBr5rSiHoifI-HA",
)


@pytest.mark.parametrize(("key", "iv", "url", "sealed"), [E1, E2], ids=["E1", "E2"])
def test_encrypted_vectors_open_and_close(key, iv, url, sealed):
    cipher = SourceCipher(key)
    assert to_base64(cipher.encrypt(url.encode(), iv)) == sealed
    assert cipher.decrypt(from_base64(sealed)) == url.encode()
    dialect = ImgproxyDialect(ImgproxyConfig(encryption_key=key))
    assert dialect.parse(f"/_/enc/{sealed[:20]}/{sealed[20:]}.png", now=0).source.url == url


def test_one_source_has_one_iv():
    cipher = SourceCipher(b"k" * 24)
    assert cipher.encrypt(b"a") == cipher.encrypt(b"a")
    assert cipher.encrypt(b"a")[:16] != cipher.encrypt(b"b")[:16]


def test_whatever_is_wrong_with_a_ciphertext_the_words_are_the_same():
    cipher = SourceCipher(b"k" * 32)
    whole = cipher.encrypt(b"http://example.com/a.jpg")
    said = set()
    for broken in (b"", whole[:7], whole[:16], whole[:40], whole[:-1] + bytes([whole[-1] ^ 1]), bytes(32)):
        with pytest.raises(BadRequest) as caught:
            cipher.decrypt(broken)
        said.add(str(caught.value))
    assert len(said) == 1


@pytest.mark.parametrize("length", [1, 15, 31, 64])
def test_an_encryption_key_has_one_of_three_lengths(length):
    with pytest.raises(ValueError, match="16, 24 or 32"):
        SourceCipher(bytes(length))


SEALED = AuthenticatedCipher(b"k" * 32)


@given(text=st.binary(max_size=300))
def test_what_is_sealed_with_authentication_opens_again(text: bytes) -> None:
    sealed = SEALED.encrypt(text)
    assert SEALED.decrypt(sealed) == text
    assert sealed == SEALED.encrypt(text)
    assert len(sealed) == 12 + len(text) + 16


@given(text=st.binary(max_size=50), at=st.integers(0, 77), flip=st.integers(1, 255))
def test_any_change_of_what_is_sealed_with_authentication_is_noticed(text: bytes, at: int, flip: int) -> None:
    sealed = bytearray(SEALED.encrypt(text))
    sealed[at % len(sealed)] ^= flip
    for wrong in (bytes(sealed), bytes(sealed[:-1]), b""):
        with pytest.raises(BadRequest, match="cannot be decrypted"):
            SEALED.decrypt(wrong)


def test_a_known_ciphertext_of_aes_gcm_opens():
    nonce, key = bytes(12), bytes.fromhex("000102030405060708090a0b0c0d0e0f")
    sealed = nonce + AESGCM(key).encrypt(nonce, b"http://h/a", None)
    assert AuthenticatedCipher(key).decrypt(sealed) == b"http://h/a"


@pytest.mark.parametrize(
    ("mode", "written", "read"),
    [(CipherMode.CBC, "enc/", {"enc", "enc-gcm"}), (CipherMode.GCM, "enc-gcm/", {"enc-gcm"})],
)
def test_the_mode_says_what_is_written_and_read(mode: CipherMode, written: str, read: set[str]) -> None:
    source = SourceRef(scheme="http", location="h/a b.jpg".replace(" ", "%20"))
    dialects = {
        one: ImgproxyDialect(ImgproxyConfig(encryption_key=b"k" * 16, encryption_mode=one)) for one in CipherMode
    }
    assert dialects[mode].write(ImageRequest(source=source)).startswith(f"/unsafe/{written}")
    understood = set()
    for writing in dialects.values():
        target = writing.write(ImageRequest(source=source))
        with suppress(BadRequest):
            assert dialects[mode].parse(target, now=0).source == source
            understood.add(target.split("/")[2])
    assert understood == read


@given(key=st.binary(max_size=200), salt=st.binary(max_size=200), text=st.binary(max_size=200))
def test_signatures_are_hmac_sha256_of_salt_and_text(key: bytes, salt: bytes, text: bytes) -> None:
    expected = to_base64(hmac.digest(key, salt + text, "sha256"))
    assert Signer((KeyPair(key, salt),)).sign(text) == expected


@pytest.mark.parametrize("length", [0, 63, 64, 65])
def test_keys_may_be_shorter_and_longer_than_a_block(length: int) -> None:
    key = b"k" * length
    assert Signer((KeyPair(key, b"salt"),)).sign(b"/text") == to_base64(hmac.digest(key, b"salt/text", "sha256"))
