#include "store/blob_examiner.h"

#include <array>
#include <chrono>

#include "base/error.h"
#include "store/blob_path.h"
#include "store/staging.h"

namespace ocisync {
namespace {

constexpr auto kRenewAfter = std::chrono::hours(1);

// A file we cannot read (EIO, no permission, a link) is as damaged as one with other bytes.
std::optional<Digest> digest_of_file(const Directory& blobs, const Digest& name) {
  try {
    const auto file = blobs.open_file(name.hex());
    if (!file)
      return std::nullopt;
    Hasher hasher(name.algorithm());
    FileSource source(file->get(), blobs.path_of(name.hex()));
    std::array<std::byte, 64 * 1024> chunk{};
    while (const std::size_t count = source.read(chunk))
      hasher.update(Bytes(chunk.data(), count));
    return hasher.finish();
  } catch (const Error&) {
    return std::nullopt;
  }
}

// Another user's blob may not be ours to touch; then a sweep sees an older one.
void renew(const Directory& blobs, const std::string& name) {
  try {
    blobs.touch(name);
  } catch (const Error&) {
  }
}

}  // namespace

std::optional<BlobExaminer::Finding> BlobExaminer::finding(const Digest& digest) const {
  return findings_.with([&](const auto& findings) -> std::optional<Finding> {
    const auto found = findings.find(digest);
    return found == findings.end() ? std::nullopt : std::optional(found->second);
  });
}

std::optional<std::uint64_t> BlobExaminer::examine(const Digest& digest) {
  const auto status = status_at(volume_, blob_path(digest));
  if (!status)
    return std::nullopt;
  const auto known = finding(digest);
  const bool intact =
      known && known->stamp == FileStamp(*status) ? known->intact : judge(digest, *status);
  return intact ? std::optional(static_cast<std::uint64_t>(status->st_size)) : std::nullopt;
}

bool BlobExaminer::judge(const Digest& digest, const struct stat& status) {
  const auto blobs = volume_.root().find(blob_folder(digest));
  if (!blobs)
    return false;
  // Renewed before it is hashed, so that no write can hide behind the new times.
  struct stat current = status;
  if (!volume_.read_only() && older_than(status, kRenewAfter, std::chrono::system_clock::now())) {
    renew(*blobs, digest.hex());
    current = blobs->status(digest.hex()).value_or(status);
  }
  const bool intact = S_ISREG(current.st_mode) && digest_of_file(*blobs, digest) == digest;
  if (!intact)
    ++damaged_;
  findings_.with([&](auto& findings) {
    findings.insert_or_assign(digest, Finding{FileStamp(current), intact});
  });
  return intact;
}

bool BlobExaminer::knows(const Digest& digest, int fd) const {
  struct stat status = {};
  const auto known = finding(digest);
  return known && known->intact && ::fstat(fd, &status) == 0 && known->stamp == FileStamp(status);
}

void BlobExaminer::trust(const Digest& digest, const struct stat& status) {
  findings_.with([&](auto& findings) {
    findings.insert_or_assign(digest, Finding{FileStamp(status), true});
  });
}

}  // namespace ocisync
