#include "oci/digest.h"

#include <set>
#include <unordered_set>

#include <gtest/gtest.h>

#include "support/failure.h"

namespace ocisync {
namespace {

const std::string kEmptySha256 =
    "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
const std::string kAbcSha512 =
    "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
    "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f";

TEST(Digest, PrintsWhatItParsed) {
  for (const std::string& text : {kEmptySha256, kAbcSha512})
    EXPECT_EQ(Digest::parse(text).str(), text);
  const Digest digest = Digest::parse(kEmptySha256);
  EXPECT_EQ(digest.algorithm(), DigestAlgorithm::sha256);
  EXPECT_EQ(digest.algorithm_name(), "sha256");
  EXPECT_EQ(digest.hex(), kEmptySha256.substr(7));
  EXPECT_EQ(digest.short_hex(), "e3b0c44");
}

TEST(Digest, RefusesWhatCouldBecomeAnUnsafeFileName) {
  const std::string hex(64, 'a');

  const struct {
    std::string text;
    Reason reason;
  } rows[] = {
      {"", Reason::reference_invalid},
      {"sha256", Reason::reference_invalid},
      {"sha256:", Reason::reference_invalid},
      {":" + hex, Reason::reference_invalid},
      {hex, Reason::reference_invalid},
      {"sha256:" + std::string(63, 'a'), Reason::reference_invalid},
      {"sha256:" + std::string(65, 'a'), Reason::reference_invalid},
      {"sha256:" + std::string(128, 'a'), Reason::reference_invalid},
      {"sha512:" + hex, Reason::reference_invalid},
      {"sha256:" + std::string(64, 'A'), Reason::reference_invalid},
      {"sha256:" + std::string(63, 'a') + "F", Reason::reference_invalid},
      {"sha256:" + std::string(63, 'a') + "g", Reason::reference_invalid},
      {"sha256:" + std::string(63, 'a') + "\n", Reason::reference_invalid},
      {"sha256:" + std::string(63, 'a') + std::string(1, '\0'), Reason::reference_invalid},
      {"sha256:../../" + std::string(58, 'a'), Reason::reference_invalid},
      {" sha256:" + hex, Reason::reference_invalid},
      {"sha256:" + hex + " ", Reason::reference_invalid},
      {"sha256 :" + hex, Reason::reference_invalid},
      {"SHA256:" + hex, Reason::reference_invalid},
      {"../x:" + hex, Reason::reference_invalid},
      {"sha256+:" + hex, Reason::reference_invalid},
      {"+sha256:" + hex, Reason::reference_invalid},
      {"sha256::" + hex, Reason::reference_invalid},
      {"blake3:" + hex, Reason::unsupported},
      {"md5:" + std::string(32, 'a'), Reason::unsupported},
      {"sha256+b64:" + hex, Reason::unsupported},
      {"multihash.x_y-z:" + hex, Reason::unsupported},
  };

  for (const auto& row : rows) {
    EXPECT_EQ(reason_of([&] { Digest::parse(row.text); }), row.reason) << row.text;
    EXPECT_FALSE(Digest::try_parse(row.text)) << row.text;
  }
}

TEST(Digest, SaysWhatIsAllowedWithoutRepeatingControlBytes) {
  const auto error = failure_of([] { Digest::parse("sha256:ab\r\n\x1b[31m"); });
  ASSERT_TRUE(error);
  EXPECT_NE(error->message().find("exactly 64 digits 0-9 a-f"), std::string::npos);
  EXPECT_EQ(error->message().find_first_of("\r\n\x1b"), std::string::npos);
}

TEST(Digest, OrdersAndHashesLikeAValue) {
  const Digest a = Digest::of("a");
  const Digest b = Digest::of("b");
  EXPECT_EQ(a, Digest::parse(a.str()));
  EXPECT_NE(a, b);
  EXPECT_EQ((std::set<Digest>{a, b, a}.size()), 2U);
  EXPECT_EQ((std::unordered_set<Digest, Digest::Hash>{a, b, a}.size()), 2U);
}

TEST(Hasher, AgreesWithKnownAnswers) {
  EXPECT_EQ(Digest::of("").str(), kEmptySha256);
  EXPECT_EQ(Digest::of("{}").str(),
            "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a");
  Hasher hasher(DigestAlgorithm::sha512);
  hasher.update(as_bytes("abc"));
  EXPECT_EQ(hasher.finish().str(), kAbcSha512);
}

TEST(Hasher, TakesBytesAsTheyComeAndStartsAgainAfterFinish) {
  Hasher hasher;
  for (const char c : std::string_view("hello"))
    hasher.update(as_bytes(std::string_view(&c, 1)));
  EXPECT_EQ(hasher.finish(), Digest::of("hello"));
  EXPECT_EQ(hasher.finish(), Digest::of(""));
  hasher.update(as_bytes("again"));
  Hasher moved = std::move(hasher);
  EXPECT_EQ(moved.finish(), Digest::of("again"));
}

}  // namespace
}  // namespace ocisync
