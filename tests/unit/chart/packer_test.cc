#include "chart/packer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "unpacking.h"

namespace ocisync {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class Packer : public testing::Test {
 protected:
  void put(const std::string& path, std::string_view contents) {
    const std::size_t slash = path.rfind('/');
    const Directory parent = slash == std::string::npos
                                 ? from_.directory().duplicate()
                                 : from_.directory().ensure(path.substr(0, slash), 0755);
    parent.write_atomic(path.substr(slash + 1), contents, 0600);
    files_.push_back(path);
  }

  std::string pack(const std::string& name = "u") {
    CappedBuffer out(1 << 24, "archive");
    pack_chart(from_.directory(), files_, name, out);
    return out.take();
  }

  TempDirectory from_;
  std::vector<std::string> files_;
};

// The names in a tar of short plain entries, in order.
std::vector<std::string> names_in(const std::string& tar) {
  std::vector<std::string> names;
  for (std::size_t at = 0; at + 512 <= tar.size() && tar[at] != '\0';) {
    names.emplace_back(tar.c_str() + at);
    at += 512 + (std::stoull(tar.substr(at + 124, 11), nullptr, 8) + 511) / 512 * 512;
  }
  return names;
}

TEST_F(Packer, PutsHelmsOwnFilesFirst) {
  for (const char* path :
       {"values.yaml", "templates/b.yaml", "README.md", "Chart.lock", "a", "charts/sub/Chart.yaml",
        "values.schema.json", "Chart.yaml", "templates/a.yaml", "templates.md"})
    put(path, path);
  EXPECT_THAT(names_in(gunzip(pack())),
              ElementsAre("u/Chart.yaml", "u/values.yaml", "u/values.schema.json", "u/Chart.lock",
                          "u/README.md", "u/a", "u/charts/sub/Chart.yaml", "u/templates.md",
                          "u/templates/a.yaml", "u/templates/b.yaml"));
}

TEST_F(Packer, WritesTheSameBytesWheneverAndInWhateverOrder) {
  put("Chart.yaml", kSmallChartYaml);
  put("values.yaml", "");
  put("templates/a.yaml", std::string(3000, 'a'));
  const std::string first = pack();
  std::reverse(files_.begin(), files_.end());
  from_.directory().touch("Chart.yaml");
  EXPECT_EQ(pack(), first);
  // A gzip header that tells nothing: no flags, no time, unknown system.
  EXPECT_EQ(first.substr(0, 10), std::string("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10));
}

TEST_F(Packer, WritesHeadersThatTellNothingButNameAndSize) {
  put("Chart.yaml", "12345");
  const std::string tar = gunzip(pack());
  TarFields fields;
  fields.name = "u/Chart.yaml";
  EXPECT_EQ(tar, TarBuilder().entry(fields, "12345").finished());
}

TEST_F(Packer, WritesWhatUnpackingReads) {
  put("Chart.yaml", kSmallChartYaml);
  put("empty", "");
  put("templates/é☃ and blanks.txt", "utf-8");
  put("templates/" + std::string(97, 'x'), "longer than a name field");
  put(std::string(140, 'd') + "/" + std::string(90, 'f'), "split");
  put(std::string(200, 'w'), "cannot be split");
  put(std::string(160, 'p') + "/q", "prefix too long");
  put("big", std::string(200'000, 'b'));
  Unpacking unpacking;
  const UnpackedChart chart = unpacking.run(pack("top"));
  EXPECT_EQ(chart.top, "top");
  auto tree = unpacking.tree();
  std::erase_if(tree, [](const auto& entry) { return entry.first.ends_with('/'); });
  EXPECT_EQ(tree.size(), files_.size());
  for (const std::string& path : files_)
    EXPECT_EQ(tree[path], tree_below(from_.path())[path]) << path;
}

TEST_F(Packer, ArrangesContentAsHelmAlphaDid) {
  std::vector<PackedFile> files;
  for (const char* path : {"README.md", "charts/sub/Chart.yaml", "templates/b.yaml", "values.yaml",
                           "templates/a-b.yaml", "templates/a/x.yaml", "Chart.yaml"}) {
    put(path, path);
    files.push_back({path, path});
  }
  files.push_back({"linked", "templates/b.yaml"});
  const auto pack = [&] {
    CappedBuffer out(1 << 24, "content");
    pack_content(from_.directory(), files, out);
    return gunzip(out.take());
  };
  const std::string tar = pack();
  EXPECT_THAT(names_in(tar), ElementsAre("-/Chart.yaml", "-/values.yaml", "-/templates/a/x.yaml",
                                         "-/templates/a-b.yaml", "-/templates/b.yaml",
                                         "-/README.md", "-/linked", "-/charts/sub/Chart.yaml"));
  EXPECT_EQ(tar.substr(100, 8), std::string("0000755\0", 8));
  EXPECT_EQ(tar.substr(136, 12), std::string("00000000000\0", 12));
  EXPECT_EQ(tar.substr(512, 40), "apiVersion: v1\nname: '-'\nversion: 0.1.0\n");
  std::reverse(files.begin(), files.end());
  EXPECT_EQ(pack(), tar);
}

TEST_F(Packer, RefusesWhatIsNoFile) {
  put("Chart.yaml", "x");
  files_.push_back("gone");
  EXPECT_THAT(failure_of([&] { pack(); })->what(), HasSubstr("is gone"));
  files_.back() = "no/such/directory";
  EXPECT_THAT(failure_of([&] { pack(); })->what(), HasSubstr("is gone"));
  from_.directory().make_directory("directory", 0755);
  files_.back() = "directory";
  EXPECT_THAT(failure_of([&] { pack(); })->what(), HasSubstr("is not a regular file"));
  ASSERT_EQ(::symlink("Chart.yaml", (from_.path() / "link").c_str()), 0);
  files_.back() = "link";
  EXPECT_EQ(reason_of([&] { pack(); }), Reason::storage_failed);
}

}  // namespace
}  // namespace ocisync
