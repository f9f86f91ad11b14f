#include "oci/manifest.h"

#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "support/failure.h"

namespace ocisync {
namespace {

using testing::HasSubstr;

const std::string kA = "sha256:" + std::string(64, 'a');
const std::string kB = "sha256:" + std::string(64, 'b');

std::string descriptor(std::string_view type, std::string_view digest, std::string_view size = "7",
                       std::string_view more = "") {
  return fmt::format(R"({{"mediaType":"{}","digest":"{}","size":{}{}}})", type, digest, size, more);
}

const std::string kConfig = descriptor(media_type::kHelmConfig, kA);
const std::string kLayer = descriptor(media_type::kChart, kB);

std::string manifest(std::string_view layers, std::string_view more = "",
                     std::string_view config = kConfig) {
  return fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[{}]{}}})", config, layers, more);
}

std::string index(std::string_view entries, std::string_view more = "") {
  return fmt::format(R"({{"schemaVersion":2,"manifests":[{}]{}}})", entries, more);
}

std::string calls_itself(std::string_view type) {
  return fmt::format(R"(,"mediaType":"{}")", type);
}

bool is_index(const Document& document) { return std::holds_alternative<Index>(document); }

TEST(Manifest, ReadsWhatHelmPushes) {
  const std::string body = manifest(
      kLayer + "," + descriptor(media_type::kProvenance, kA, "7", R"(,"annotations":{"k":"v"})"),
      calls_itself(media_type::kManifest) +
          R"(,"artifactType":"application/x-other")"
          R"(,"annotations":{"org.opencontainers.image.title":"web","empty":""})");
  const auto result = std::get<Manifest>(parse_document(body, media_type::kManifest));
  EXPECT_EQ(result.config.media_type, media_type::kHelmConfig);
  EXPECT_EQ(result.config.digest.str(), kA);
  EXPECT_EQ(result.config.size, 7U);
  ASSERT_EQ(result.layers.size(), 2U);
  EXPECT_EQ(result.layers[1].annotations.at("k"), "v");
  EXPECT_EQ(result.annotations.at("org.opencontainers.image.title"), "web");
  EXPECT_EQ(result.annotations.at("empty"), "");
}

TEST(Manifest, ReadsAnIndexWithEntriesOfAnyType) {
  const std::string body =
      index(descriptor(media_type::kManifest, kA, "7",
                       R"(,"artifactType":"application/vnd.cncf.helm.config.v1+json")") +
            "," + descriptor("application/x-of-tomorrow", kB));
  const auto result = std::get<Index>(parse_document(body, media_type::kIndex));
  ASSERT_EQ(result.manifests.size(), 2U);
  EXPECT_EQ(result.manifests[0].artifact_type, media_type::kHelmConfig);
  EXPECT_EQ(result.manifests[1].media_type, "application/x-of-tomorrow");
}

TEST(Manifest, LeavesOutEntriesItCannotRepresent) {
  const std::string blake = "blake3:" + std::string(64, 'a');
  const std::string body = index(descriptor(media_type::kManifest, blake) + "," +
                                 descriptor("application/x-of-tomorrow", blake) + "," +
                                 descriptor("application/x-of-tomorrow", "?", "-1") + "," +
                                 descriptor(media_type::kManifest, kA));
  EXPECT_EQ(std::get<Index>(parse_document(body, "")).manifests.size(), 1U);
  EXPECT_EQ(std::get<Index>(parse_document(index(""), "")).manifests.size(), 0U);
}

TEST(Manifest, TypeComesFromHeaderThenBodyThenShape) {
  const std::string manifest_body = manifest(kLayer);
  const std::string index_body = index(descriptor(media_type::kManifest, kA));
  EXPECT_FALSE(is_index(parse_document(manifest_body, media_type::kManifest)));
  EXPECT_TRUE(is_index(parse_document(index_body, media_type::kIndex)));
  EXPECT_TRUE(is_index(parse_document(index_body, media_type::kDockerList)));
  EXPECT_TRUE(is_index(parse_document(index_body, "Application/VND.oci.image.index.v1+JSON")));
  for (const char* generic : {"", "text/plain", "application/json", "application/octet-stream",
                              "TEXT/PLAIN", "text/plain; charset=utf-8", " application/json "}) {
    EXPECT_FALSE(is_index(parse_document(manifest_body, generic))) << generic;
    EXPECT_TRUE(is_index(parse_document(index_body, generic))) << generic;
    EXPECT_FALSE(
        is_index(parse_document(manifest(kLayer, calls_itself(media_type::kManifest)), generic)));
    EXPECT_TRUE(
        is_index(parse_document(index("", calls_itself(media_type::kDockerList)), generic)));
  }
}

TEST(Manifest, NullSaysNothing) {
  const std::string body =
      manifest(descriptor(media_type::kChart, kB, "7", R"(,"annotations":null)"),
               R"(,"annotations":null,"mediaType":null,"manifests":null)");
  EXPECT_FALSE(is_index(parse_document(body, media_type::kManifest)));
}

struct Refusal {
  std::string body;
  std::string content_type;
  Reason reason;
  std::string said;
};

void expect_refusals(const std::vector<Refusal>& rows) {
  for (const Refusal& row : rows) {
    const std::string start = row.body.substr(0, 200);
    const auto error = failure_of([&] { parse_document(row.body, row.content_type); });
    ASSERT_TRUE(error) << start;
    EXPECT_EQ(error->reason(), row.reason) << start << " -> " << error->what();
    EXPECT_THAT(error->what(), HasSubstr(row.said)) << start;
  }
}

TEST(Manifest, RefusesWhatCannotBeAChartByName) {
  const std::string body = manifest(kLayer);
  expect_refusals({
      {body, std::string(media_type::kDockerManifest), Reason::unsupported,
       "Docker image manifest"},
      {manifest(kLayer, calls_itself(media_type::kDockerManifest)), "", Reason::unsupported,
       "Docker image manifest"},
      {"{}", "application/vnd.docker.distribution.manifest.v1+json", Reason::unsupported,
       "schema 1"},
      {"{}", "application/vnd.docker.distribution.manifest.v1+prettyjws", Reason::unsupported,
       "schema 1"},
      {R"({"schemaVersion":1,"fsLayers":[]})", "", Reason::unsupported, "schema 1"},
      {body, "application/vnd.oci.artifact.manifest.v1+json", Reason::unsupported,
       "artifact.manifest"},
      {manifest(kLayer, calls_itself("application/x-new")), "", Reason::unsupported, "x-new"},
  });
}

TEST(Manifest, RefusesWhatContradictsItself) {
  const std::string both =
      fmt::format(R"({{"schemaVersion":2,"config":{},"layers":[],"manifests":[]}})", kConfig);
  const std::string sized = descriptor(media_type::kChart, kA, "8");
  for (const std::string_view type :
       {std::string_view(), media_type::kManifest, media_type::kIndex})
    expect_refusals({{both, std::string(type), Reason::protocol_violation, "both"}});
  expect_refusals({
      {R"({"schemaVersion":2,"layers":[],"manifests":[]})", "", Reason::protocol_violation, "both"},
      {manifest(kLayer, calls_itself(media_type::kIndex)), std::string(media_type::kManifest),
       Reason::protocol_violation, "calls itself"},
      {manifest(kLayer, calls_itself(media_type::kDockerManifest)),
       std::string(media_type::kManifest), Reason::protocol_violation, "calls itself"},
      {manifest(kLayer), std::string(media_type::kIndex), Reason::protocol_violation, "contradict"},
      {index(""), std::string(media_type::kManifest), Reason::protocol_violation, "contradict"},
      {index("", calls_itself(media_type::kManifest)), "", Reason::protocol_violation,
       "contradict"},
      {manifest(kLayer + "," + sized), "", Reason::protocol_violation, "both 8 and 7 bytes"},
      {index(descriptor(media_type::kManifest, kA) + "," +
             descriptor(media_type::kManifest, kA, "9")),
       "", Reason::protocol_violation, "both 7 and 9 bytes"},
  });
}

TEST(Manifest, RefusesWhatIsNoManifestAtAll) {
  expect_refusals({
      {"<html>login</html>", "text/html", Reason::protocol_violation, "text/html"},
      {"", "", Reason::protocol_violation, "reading the manifest"},
      {"[]", "", Reason::protocol_violation, "not an object"},
      {"null", "", Reason::protocol_violation, "not an object"},
      {"{}", "", Reason::protocol_violation, "schemaVersion"},
      {R"({"schemaVersion":2})", "", Reason::protocol_violation, "neither"},
      {R"({"schemaVersion":3,"manifests":[]})", "", Reason::protocol_violation, "schemaVersion"},
      {R"({"schemaVersion":"2","manifests":[]})", "", Reason::protocol_violation, "schemaVersion"},
      {R"({"schemaVersion":2.0,"manifests":[]})", "", Reason::protocol_violation, "schemaVersion"},
      {R"({"schemaVersion":2,"manifests":{}})", "", Reason::protocol_violation, "not an array"},
      {R"({"schemaVersion":2,"manifests":[1]})", "", Reason::protocol_violation, "not an object"},
      {R"({"schemaVersion":2,"layers":[]})", "", Reason::protocol_violation, "no config"},
      {fmt::format(R"({{"schemaVersion":2,"config":{}}})", kConfig), "", Reason::protocol_violation,
       "not an array"},
      {R"({"schemaVersion":2,"layers":[],"config":"x"})", "", Reason::protocol_violation,
       "not an object"},
      {manifest(kLayer, R"(,"mediaType":2)"), "", Reason::protocol_violation, "mediaType"},
      {manifest(kLayer, R"(,"layers":[])"), "", Reason::protocol_violation, "layers"},
      {manifest(kLayer) + "x", "", Reason::protocol_violation, ""},
      {std::string(100'000, '['), "", Reason::protocol_violation, ""},
      {R"({"schemaVersion":2,"a":)" + std::string(100'000, '[') + "}", "",
       Reason::protocol_violation, ""},
  });
}

TEST(Manifest, RefusesMalformedDescriptors) {
  const auto with_size = [](const char* size) {
    return manifest(descriptor(media_type::kChart, kB, size));
  };
  for (const char* size : {"-1", "1.5", "1e3", "1e30", "\"7\"", "null", "true",
                           "9223372036854775808", "18446744073709551616", "[]"})
    expect_refusals({{with_size(size), "", Reason::protocol_violation, "size"}});
  EXPECT_EQ(std::get<Manifest>(parse_document(with_size("9223372036854775807"), "")).layers[0].size,
            9223372036854775807U);

  const auto with = [](const std::string& layer) { return manifest(layer); };
  const std::string upper = "sha256:" + std::string(64, 'A');
  expect_refusals({
      {with(descriptor("", kB)), "", Reason::protocol_violation, "no mediaType"},
      {with(R"({"digest":")" + kB + R"(","size":7})"), "", Reason::protocol_violation, "mediaType"},
      {with(R"({"mediaType":"x","size":7})"), "", Reason::protocol_violation, "no digest"},
      {with(R"({"mediaType":"x","digest":7,"size":7})"), "", Reason::protocol_violation, "digest"},
      {with(R"({"mediaType":"x","digest":")" + kB + "\"}"), "", Reason::protocol_violation, "size"},
      {with(descriptor("x", upper)), "", Reason::protocol_violation, "exactly 64"},
      {with(descriptor("x", "sha256:../../etc/passwd")), "", Reason::protocol_violation, "exactly"},
      {with(descriptor("x", "blake3:aa")), "", Reason::unsupported, "blake3"},
      {with(descriptor("x", kB, "7", R"(,"annotations":{"a":1})")), "", Reason::protocol_violation,
       "annotation \"a\""},
      {with(descriptor("x", kB, "7", R"(,"annotations":[])")), "", Reason::protocol_violation,
       "annotations"},
      {with(descriptor("x", kB, "7", R"(,"artifactType":[])")), "", Reason::protocol_violation,
       "artifactType"},
      {index(descriptor(media_type::kManifest, upper)), "", Reason::protocol_violation, "exactly"},
      {index(descriptor(media_type::kManifest, kA, "-1")), "", Reason::protocol_violation, "size"},
      {index(descriptor("", kA)), "", Reason::protocol_violation, "mediaType"},
  });
}

TEST(Manifest, TakesAsManyLayersAsAllowedAndNoMore) {
  std::string layers = kLayer;
  for (std::uint64_t i = 1; i < kMaxLayers; ++i)
    layers += "," + kLayer;
  EXPECT_EQ(std::get<Manifest>(parse_document(manifest(layers), "")).layers.size(), kMaxLayers);
  expect_refusals({{manifest(layers + "," + kLayer), "", Reason::limit_exceeded, "33 layers"}});
}

TEST(Manifest, MessagesHoldNoControlBytes) {
  const auto error =
      failure_of([] { parse_document(manifest(descriptor("x", "\\u001b[31m\\r\\n")), ""); });
  ASSERT_TRUE(error);
  EXPECT_EQ(std::string(error->what()).find_first_of("\x1b\r\n"), std::string::npos);
}

TEST(Manifest, AnyMutationIsReadOrRefused) {
  const std::string seeds[] = {
      manifest(kLayer, R"(,"annotations":{"a":"b"})"),
      index(descriptor(media_type::kManifest, kA, "7", R"(,"annotations":{"a":"b"})"))};
  std::minstd_rand random(11);
  for (int i = 0; i < 20'000; ++i) {
    std::string body = seeds[random() % 2];
    for (unsigned changes = random() % 4; changes < 4; ++changes) {
      const std::size_t at = random() % body.size();
      const std::size_t length = random() % 12;
      switch (random() % 3) {
        case 0:
          body[at] = static_cast<char>(random() % 256);
          break;
        case 1:
          body.erase(at, length);
          break;
        default:
          body.insert(random() % body.size(), body.substr(at, length));
      }
    }
    failure_of([&] {
      const Document document = parse_document(body, "");
      if (!is_index(document))
        recognise_chart(std::get<Manifest>(document));
    });
  }
}

}  // namespace
}  // namespace ocisync
