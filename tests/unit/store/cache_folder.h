#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/stat.h>

#include "oci/manifest.h"
#include "store/blob_cache.h"
#include "store/blob_path.h"
#include "store/reference_store.h"
#include "support/failure.h"
#include "support/temp_directory.h"

namespace ocisync::cache_test {

namespace fs = std::filesystem;

inline std::string contents_of(const fs::path& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline void write_file(const fs::path& file, const std::string& contents) {
  fs::create_directories(file.parent_path());
  std::ofstream(file, std::ios::binary) << contents;
}

// What is below a directory: files with their contents, directories as "name/", links as "name@"
// with their target, anything else as "name?".
inline std::map<std::string, std::string> tree_below(const fs::path& root) {
  std::map<std::string, std::string> tree;
  for (const auto& entry : fs::recursive_directory_iterator(root)) {
    const std::string name = entry.path().lexically_relative(root).string();
    if (entry.is_symlink())
      tree[name + "@"] = fs::read_symlink(entry.path()).string();
    else if (entry.is_directory())
      tree[name + "/"];
    else if (entry.is_regular_file())
      tree[name] = contents_of(entry.path());
    else
      tree[name + "?"];
  }
  return tree;
}

inline Descriptor descriptor_of(std::string_view bytes) {
  return {"application/octet-stream", Digest::of(bytes), bytes.size(), "", {}};
}

// A registry that serves one blob and counts how often it was asked.
struct Served {
  explicit Served(std::string served) : bytes(std::move(served)) {}

  BlobCache::Fetch fetch() {
    return [this](BlobWriter& writer) {
      ++requests;
      writer.write(as_bytes(bytes));
    };
  }

  Descriptor descriptor() const { return descriptor_of(bytes); }

  std::string bytes;
  int requests = 0;
};

inline BlobCache::Fetch no_fetch() {
  return [](BlobWriter&) { throw std::logic_error("nothing should be fetched"); };
}

// A cache in a temporary directory, and ways to put it into states that only accidents bring about.
class CacheFolder {
 public:
  const fs::path& path() const { return path_; }

  Volume open() const { return Volume::open(path_, kDefaultModes); }

  fs::path blob(const Digest& digest) const { return path_ / blob_path(digest); }

  fs::path blob(std::string_view bytes) const { return blob(Digest::of(bytes)); }

  fs::path staging() const { return path_ / ".ocisync/staging"; }

  // Writes a blob behind the cache's back.
  Digest plant(std::string_view bytes) const {
    const Digest digest = Digest::of(bytes);
    write_file(blob(digest), std::string(bytes));
    return digest;
  }

  // Makes a file look as if it had last been used so long ago.
  static void age(const fs::path& file, std::chrono::hours hours) {
    struct timespec times[2];
    times[0].tv_sec = times[1].tv_sec =
        std::chrono::system_clock::to_time_t(std::chrono::system_clock::now() - hours);
    times[0].tv_nsec = times[1].tv_nsec = 0;
    if (::utimensat(AT_FDCWD, file.c_str(), times, AT_SYMLINK_NOFOLLOW) != 0)
      throw std::runtime_error("cannot age " + file.string());
  }

 private:
  TempDirectory directory_;
  fs::path path_ = directory_.path() / "cache";
};

// A chart in the cache: two blobs and a manifest that names them.
struct CachedChart {
  CachedChart(const CacheFolder& folder, const std::string& text)
      : content(folder.plant(text + " content")),
        meta(folder.plant(text + " meta")),
        manifest(folder.plant(document())) {}

  std::string document() const {
    return R"({"schemaVersion":2,"config":{"mediaType":"application/vnd.cncf.helm.config.v1+json",)"
           R"("digest":")" +
           meta.str() + R"(","size":9},"layers":[{"mediaType":"x","digest":")" + content.str() +
           R"(","size":12}]})";
  }

  ReferenceEntry entry(std::string name = "mychart", std::string version = "1.0.0") const {
    return {std::move(name), std::move(version), content, meta, manifest};
  }

  Digest content, meta, manifest;
};

}  // namespace ocisync::cache_test
