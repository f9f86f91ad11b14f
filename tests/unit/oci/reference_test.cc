#include "oci/reference.h"

#include <algorithm>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/failure.h"

namespace ocisync {
namespace {

const std::string kHex(64, 'a');
const std::string kDigest = "sha256:" + kHex;

TEST(Reference, KeepsEachPartInItsCanonicalForm) {
  const struct {
    std::string text;
    std::string registry, repository, tag, digest;
  } rows[] = {
      {"oci://localhost:5000/myrepo/mychart:2.7.0", "localhost:5000", "myrepo/mychart", "2.7.0",
       ""},
      {"localhost:5000/mychart:latest", "localhost:5000", "mychart", "latest", ""},
      {"OCI://Registry.Example.COM/a/b", "registry.example.com", "a/b", "", ""},
      {"oCi://host/a", "host", "a", "", ""},
      {"myrepo:5001/mychart:1.5.0", "myrepo:5001", "mychart", "1.5.0", ""},
      {"my.host.com/my/nested/repo:1.2.3", "my.host.com", "my/nested/repo", "1.2.3", ""},
      {"host/a@" + kDigest, "host", "a", "", kDigest},
      {"host/a:1.0.0@" + kDigest, "host", "a", "1.0.0", kDigest},
      {"host/a@sha512:" + kHex + kHex, "host", "a", "", "sha512:" + kHex + kHex},
      {"host/a:1.2.3+build.1", "host", "a", "1.2.3_build.1", ""},
      {"host/a:1.2.3_build.1", "host", "a", "1.2.3_build.1", ""},
      {"host/a:+x", "host", "a", "_x", ""},
      {"host/a:V1", "host", "a", "V1", ""},
      {"host/a:_", "host", "a", "_", ""},
      {"host/a:" + std::string(128, 'z'), "host", "a", std::string(128, 'z'), ""},
      {"host./a", "host", "a", "", ""},
      {"Host.Example.:5000/a", "host.example:5000", "a", "", ""},
      {"host:1/a", "host:1", "a", "", ""},
      {"host:65535/a", "host:65535", "a", "", ""},
      {"127.0.0.1:5000/a", "127.0.0.1:5000", "a", "", ""},
      {"[fd00::1]:5000/ns/chart:1", "[fd00::1]:5000", "ns/chart", "1", ""},
      {"[FD00::A]/a", "[fd00::a]", "a", "", ""},
      {"[::1]/a", "[::1]", "a", "", ""},
      {"docker.io/library/nginx", "docker.io", "library/nginx", "", ""},
      {"index.docker.io/me/chart:1", "docker.io", "me/chart", "1", ""},
      {"Registry-1.Docker.IO/me/chart", "docker.io", "me/chart", "", ""},
      {"registry-1.docker.io./me/chart", "docker.io", "me/chart", "", ""},
      {"a-b.c9/a.b_c__d-e---f/0", "a-b.c9", "a.b_c__d-e---f/0", "", ""},
      {"xn--bcher-kva.example/a", "xn--bcher-kva.example", "a", "", ""},
      {"host/" + std::string(255, 'a'), "host", std::string(255, 'a'), "", ""},
      {std::string(63, 'a') + "/a", std::string(63, 'a'), "a", "", ""},
      {"host/tags/digests:tags", "host", "tags/digests", "tags", ""},
  };

  for (const auto& row : rows) {
    const auto error = failure_of([&] {
      const Reference reference = Reference::parse(row.text);
      EXPECT_EQ(reference.registry(), row.registry) << row.text;
      EXPECT_EQ(reference.repository(), row.repository) << row.text;
      EXPECT_EQ(reference.tag().value_or(""), row.tag) << row.text;
      EXPECT_EQ(reference.digest() ? reference.digest()->str() : "", row.digest) << row.text;
      EXPECT_EQ(Reference::parse(reference.str()), reference) << row.text;
    });
    EXPECT_FALSE(error) << row.text << ": " << error->what();
  }
}

// `said` is what the message or its hint must name for the reader to find the mistake.
TEST(Reference, RefusesEverythingElseAndNamesThePart) {
  const struct {
    std::string text;
    std::string said;
  } rows[] = {
      {"", "no repository"},
      {"oci://", "no repository"},
      {"mychart", "no repository"},
      {"mychart:1.5.0", "no repository"},
      {"my:bad:ref", "no repository"},
      {"mychart@" + kDigest, "no repository"},
      {"/a", "host is empty"},
      {"oci:///a", "host is empty"},
      {"host/", "repository is empty"},
      {"host/:1", "repository is empty"},
      {"host/@" + kDigest, "repository is empty"},
      {"host//a", "empty component"},
      {"host/a/", "empty component"},
      {"host/a//b", "empty component"},
      {"host/..", "component \"..\""},
      {"host/a/../b", "component \"..\""},
      {"host/.", "component \".\""},
      {"host/.git", "component \".git\""},
      {"host/a_", "component \"a_\""},
      {"host/a___b", "component \"a___b\""},
      {"host/a..b", "component \"a..b\""},
      {"host/a._b", "component \"a._b\""},
      {"host/-a", "component \"-a\""},
      {"host/A", "lower case"},
      {"host/a+b", "component \"a+b\""},
      {"host/[a]", "component \"[a]\""},
      {"host/" + std::string(256, 'a'), "256 bytes long"},
      {"host/a:", "tag is empty"},
      {"host/a:@" + kDigest, "tag is empty"},
      {"host/a:.x", "tag \".x\""},
      {"host/a:-x", "tag \"-x\""},
      {"host/a:b:c", "tag \"b:c\""},
      {"host/a:5000/b", "a port belongs to the host"},
      {"host/a:" + std::string(129, 'a'), "129 bytes long"},
      {"host/a@", "digest"},
      {"host/a@sha256:", "exactly 64 digits"},
      {"host/a@sha256:" + std::string(64, 'A'), "exactly 64 digits"},
      {"host/a@" + kDigest + ":1", "exactly 64 digits"},
      {"host/a@latest", "digest \"latest\""},
      {"host:0/a", "port \"0\""},
      {"host:65536/a", "port \"65536\""},
      {"host:05000/a", "port \"05000\""},
      {"host:+80/a", "port \"+80\""},
      {"host:99999999999999999999/a", "1 to 65535"},
      {"host:/a", "port \"\""},
      {"host:80:80/a", "more than one colon"},
      {"fd00::1/a", "brackets"},
      {"[fd00::1/a", "IPv6"},
      {"[]/a", "IPv6"},
      {"[/a", "IPv6"},
      {"[fd00::1]5000/a", "IPv6"},
      {"[fd00::1]:/a", "port \"\""},
      {"[::ffff:127.0.0.1]/a", "IPv6"},
      {"[1::2::3]/a", "IPv6"},
      {"[host]/a", "IPv6"},
      {"[fe80::1%eth0]/a", "byte 9"},
      {"host..example/a", "empty part"},
      {"./a", "host is empty"},
      {"../a", "empty part"},
      {"host../a", "empty part"},
      {"-host/a", "host part \"-host\""},
      {"host-/a", "host part \"host-\""},
      {"my_host/a", "host part \"my_host\""},
      {std::string(64, 'a') + "/a", "longer than 63"},
      {"a" + std::string(127, '.') + "/a", "empty part"},
      {"127.1/a", "IPv4"},
      {"2130706433/a", "IPv4"},
      {"0x7f000001/a", "IPv4"},
      {"0177.0.0.1/a", "IPv4"},
      {"256.0.0.1/a", "IPv4"},
      {"1.2.3.4.5/a", "IPv4"},
      {"docker.io/nginx", "docker.io/library/nginx"},
      {"https://host/a", "oci://"},
      {"HTTP://host/a", "oci://"},
      {"docker://host/a", "scheme \"docker\""},
      {"file:///etc/passwd", "scheme \"file\""},
      {"oci://oci://host/a", "port \"\""},
      {"://host/a", "host is empty"},
      {" host/a", "byte 1"},
      {"host/a ", "byte 7"},
      {"host /a", "byte 5"},
      {"host/a\r\nX-Evil: 1", "byte 7 is \"\\x0d\""},
      {"host/a\n", "byte 7 is \"\\x0a\""},
      {std::string("host/a\0b", 8), "byte 7 is \"\\x00\""},
      {"host/%2e%2e/a", "byte 6 is \"%\""},
      {"host/a?x=1", "byte 7 is \"?\""},
      {"host/a#x", "byte 7 is \"#\""},
      {"host\\a/b", "byte 5"},
      {"host/caf\xc3\xa9", "byte 9 is \"\\xc3\""},
      {"h\xd0\xbest/a", "byte 2"},
      {"host/a\xe2\x80\xae", "byte 7"},
      {"host/a\x1b[31m", "byte 7 is \"\\x1b\""},
      {"host/a\x7f", "byte 7"},
      {"oc\ni://host/a", "byte 3"},
      {"host/" + std::string(1 << 20, 'a'), "at most 1024"},
      {std::string(1 << 20, '/'), "at most 1024"},
      {std::string(1024, '['), "no repository"},
  };

  for (const auto& row : rows) {
    const std::string_view start = std::string_view(row.text).substr(0, 80);
    const auto error = failure_of([&] { Reference::parse(row.text); });
    ASSERT_TRUE(error) << start;
    EXPECT_EQ(error->reason(), Reason::reference_invalid) << start;
    const std::string text = error->message() + " | " + error->hint();
    EXPECT_THAT(text, testing::HasSubstr(row.said)) << start;
    EXPECT_LT(text.size(), 500U);
    EXPECT_TRUE(std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c != 127; }));
  }
}

TEST(Reference, CallsADigestOfAnotherAlgorithmUnsupported) {
  EXPECT_EQ(reason_of([] { Reference::parse("host/a@blake3:" + kHex); }), Reason::unsupported);
}

TEST(Reference, NeverRepeatsCredentials) {
  for (const char* text :
       {"user:s3cret@host/a", "oci://user:s3cret@host:5000/a:1", "oci://s3cret@host/a",
        "https://user:s3cret@host/a", "oci://user:p/s3cret@host/a", "oci://user:s3cret/x@host:5000",
        "user:p@s3cret@host/a", "user:p@a/s3cret@host:1", "host/a@s3cret@sha256:00",
        "user:s3cret%2f@host/a", "user:s3cret@host", "oci://user:s3cret\n@host/a"}) {
    const auto error = failure_of([&] { Reference::parse(text); });
    ASSERT_TRUE(error) << text;
    EXPECT_EQ(std::string(error->what()).find("s3cret"), std::string::npos) << error->what();
    EXPECT_EQ(error->hint().find("s3cret"), std::string::npos) << error->hint();
  }
}

TEST(Reference, GivesItsPartsToThoseWhoNeedThem) {
  const Reference reference = Reference::parse("oci://[fd00::1]:5000/team/web:1.2.3@" + kDigest);
  EXPECT_EQ(reference.host(), "[fd00::1]");
  EXPECT_EQ(reference.name(), "[fd00::1]:5000/team/web");
  EXPECT_EQ(reference.base_name(), "web");
  EXPECT_EQ(reference.str(), "[fd00::1]:5000/team/web:1.2.3@" + kDigest);
  EXPECT_EQ(Reference::parse("host:80/web").host(), "host");
  EXPECT_EQ(Reference::parse("host/web").host(), "host");
  EXPECT_EQ(Reference::parse("host/web").base_name(), "web");
}

TEST(Reference, IsPointedAtAnotherTagOrDigest) {
  const Reference reference = Reference::parse("host/web:1@" + kDigest);
  EXPECT_EQ(reference.with_tag("2.0.0+b").str(), "host/web:2.0.0_b");
  EXPECT_EQ(reference.with_digest(Digest::of("x")).str(), "host/web@" + Digest::of("x").str());
  EXPECT_EQ(reason_of([&] { reference.with_tag("../x"); }), Reason::reference_invalid);
  EXPECT_EQ(reason_of([&] { reference.with_tag(""); }), Reason::reference_invalid);
}

TEST(Reference, PartsCanBeCheckedAlone) {
  EXPECT_TRUE(valid_tag("1.2.3_b"));
  EXPECT_FALSE(valid_tag("1.2.3+b"));
  EXPECT_FALSE(valid_tag(""));
  EXPECT_TRUE(valid_repository("a/b"));
  EXPECT_FALSE(valid_repository("a/../b"));
  EXPECT_FALSE(valid_repository(""));
  EXPECT_TRUE(valid_registry("Host.Example:5000"));
  EXPECT_FALSE(valid_registry("host/a"));
  EXPECT_FALSE(valid_registry(std::string(1 << 20, 'a')));
  EXPECT_EQ(canonical_registry("Index.Docker.IO"), "docker.io");
  EXPECT_EQ(canonical_registry("HOST.:80"), "host:80");
  EXPECT_FALSE(canonical_registry("user@host"));
}

TEST(Reference, VersionsAndTagsTurnIntoEachOther) {
  EXPECT_EQ(tag_of_version("1.2.3-rc.1+b.2"), "1.2.3-rc.1_b.2");
  EXPECT_EQ(version_of_tag("1.2.3-rc.1_b.2"), "1.2.3-rc.1+b.2");
}

// Builds texts that follow the grammar, from a seed.
class Generator {
 public:
  explicit Generator(unsigned seed) : random_(seed) {}

  std::string reference() {
    std::string text = pick({"", "oci://", "OCI://"}) + registry() + "/owner/" + component();
    for (std::size_t i = below(4); i > 0; --i)
      text += "/" + component();
    if (below(2) == 0)
      text += ":" + letters("AZaz09_") + letters("AZaz09_.-+");
    if (below(3) == 0)
      text += "@" + Digest::of(component()).str();
    return text;
  }

 private:
  std::size_t below(std::size_t end) { return random_() % end; }

  std::string pick(std::initializer_list<const char*> texts) {
    return texts.begin()[below(texts.size())];
  }

  std::string letters(std::string_view from) {
    std::string text;
    for (std::size_t i = below(9) + 1; i > 0; --i)
      text += from[below(from.size())];
    return text;
  }

  std::string registry() {
    const std::string host = pick({"[FD00::1]", "10.0.0.7", "docker.io", "index.docker.io", ""});
    std::string text = host.empty() ? letters("abXY9") + "h." + letters("abXY9") + "h" : host;
    if (!text.ends_with(']') && below(3) == 0)
      text += ".";
    return below(2) == 0 ? text : text + ":" + std::to_string(below(65535) + 1);
  }

  std::string component() {
    return letters("abc019") + pick({".", "_", "__", "-", "---", ""}) + letters("xyz");
  }

  std::minstd_rand random_;
};

TEST(Reference, ReadsBackWhateverItPrints) {
  Generator generator(20);
  for (int i = 0; i < 5000; ++i) {
    const std::string text = generator.reference();
    const auto error = failure_of([&] {
      const Reference reference = Reference::parse(text);
      EXPECT_EQ(Reference::parse(reference.str()), reference) << text;
      EXPECT_EQ(Reference::parse("oci://" + reference.str()).str(), reference.str()) << text;
      EXPECT_TRUE(valid_registry(reference.registry()) && valid_repository(reference.repository()));
      EXPECT_EQ(canonical_registry(reference.registry()), reference.registry());
    });
    EXPECT_FALSE(error) << text << ": " << error->what();
  }
}

TEST(Reference, AnyAlterationIsReadOrRefusedButNeverMisread) {
  Generator generator(4);
  std::minstd_rand random(5);
  for (int i = 0; i < 5000; ++i) {
    std::string text = generator.reference();
    text[random() % text.size()] = static_cast<char>(random() % 256);
    failure_of([&] {
      const Reference reference = Reference::parse(text);
      EXPECT_EQ(Reference::parse(reference.str()), reference) << text;
      EXPECT_EQ(reference.str().find_first_of(" \r\n%?#\\"), std::string::npos);
    });
  }
}

}  // namespace
}  // namespace ocisync
