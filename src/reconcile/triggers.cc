#include "reconcile/triggers.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"
#include "oci/digest.h"

namespace ocisync {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;
using std::chrono::steady_clock;

constexpr milliseconds kLookAnyway{3000};
constexpr milliseconds kQuiet{200};      // several files are written one after the other
constexpr milliseconds kPatience{1000};  // but a file that is written all the time is read too
constexpr std::uint64_t kLargest = 16 << 20;

std::optional<struct stat> stat_of(const fs::path& path) {
  struct stat found {};

  return ::stat(path.c_str(), &found) == 0 ? std::optional(found) : std::nullopt;
}

std::string stamp(const struct stat& found) {
  return fmt::format("{}:{}:{}:{}.{}:{}.{};", found.st_dev, found.st_ino, found.st_size,
                     found.st_mtim.tv_sec, found.st_mtim.tv_nsec, found.st_ctim.tv_sec,
                     found.st_ctim.tv_nsec);
}

// The files of a folder, sorted. Names that begin with ".." are Kubernetes' own machinery.
std::vector<fs::path> files_in(const fs::path& folder) {
  std::vector<fs::path> files;
  std::error_code error;
  for (fs::directory_iterator each(folder, error), end; !error && each != end;
       each.increment(error)) {
    const fs::path& path = each->path();
    const auto found = stat_of(path);
    if (!path.filename().native().starts_with("..") && found && S_ISREG(found->st_mode))
      files.push_back(path);
  }
  std::sort(files.begin(), files.end());
  return files;
}

std::vector<fs::path> files_at(const fs::path& path) {
  const auto found = stat_of(path);
  if (!found)
    return {};
  return S_ISDIR(found->st_mode) ? files_in(path) : std::vector{path};
}

// What cannot be read looks the same until it can.
std::string content(const fs::path& path) {
  try {
    const auto text = read_user_file(path, kLargest);
    return text ? Digest::of(*text).hex() : std::string();
  } catch (const Error&) {
    return "unreadable";
  }
}

}  // namespace

Triggers::Triggers(Log& log)
    : log_(log),
      inotify_(::inotify_init1(IN_CLOEXEC | IN_NONBLOCK)),
      wake_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (!inotify_)
    warn_once(errno);
}

void Triggers::start(std::function<void(const Paths&)> changed) {
  changed_ = std::move(changed);
  thread_ = std::jthread([this](const std::stop_token& stop) { run(stop); });
}

Triggers::~Triggers() {
  thread_.request_stop();
  ::eventfd_write(wake_.get(), 1);
}

void Triggers::call(std::function<void()> act) {
  const std::lock_guard lock(mutex_);
  calls_.push_back(std::move(act));
  ::eventfd_write(wake_.get(), 1);
}

void Triggers::warn_once(int code) {
  if (!std::exchange(warned_, true))
    log_.warning(
        "InotifyUnavailable",
        fmt::format("changed files are noticed by looking every {} s", kLookAnyway.count() / 1000),
        {{"error", std::generic_category().message(code)}});
}

void Triggers::watch(const Paths& paths) {
  std::map<fs::path, Seen> before = std::exchange(watched_, {});
  std::set<fs::path> folders;
  for (const fs::path& path : paths) {
    if (auto known = before.extract(path))
      watched_.insert(std::move(known));
    else
      look(path, watched_[path]);
    folders.insert(path.parent_path());
    const auto found = stat_of(path);
    if (found && S_ISDIR(found->st_mode))
      folders.insert(path);
  }
  for (auto each = folders_.begin(); each != folders_.end();)
    if (folders.contains(each->first)) {
      ++each;
    } else {
      ::inotify_rm_watch(inotify_.get(), each->second);
      each = folders_.erase(each);
    }
  for (const fs::path& folder : folders)
    watch_folder(folder);
}

void Triggers::watch_folder(const fs::path& folder) {
  if (!inotify_ || folders_.contains(folder))
    return;
  constexpr std::uint32_t kEvents =
      IN_CLOSE_WRITE | IN_CREATE | IN_DELETE | IN_MOVED_FROM | IN_MOVED_TO | IN_ATTRIB | IN_ONLYDIR;
  const int watch = ::inotify_add_watch(inotify_.get(), folder.c_str(), kEvents);
  // A folder that is not there, or may not be listed, says nothing of all others.
  if (watch >= 0)
    folders_.emplace(folder, watch);
  else if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
    warn_once(errno);
}

// True when the content is not what it was.
bool Triggers::look(const fs::path& path, Seen& seen) const {
  const std::vector<fs::path> files = files_at(path);
  std::string now;
  for (const fs::path& file : files)
    if (const auto found = stat_of(file))
      now += stamp(*found);
  if (now == seen.stamp)
    return false;
  seen.stamp = std::move(now);
  std::string whole;
  for (const fs::path& file : files)
    whole += fmt::format("{} {}\n", content(file), file.filename().native());
  return std::exchange(seen.content, whole) != whole;
}

void Triggers::check() {
  Paths changed;
  for (auto& [path, seen] : watched_)
    if (look(path, seen))
      changed.insert(path);
  if (!changed.empty())
    changed_(changed);
}

bool Triggers::wait(int milliseconds) {
  std::array<pollfd, 2> ends = {pollfd{wake_.get(), POLLIN, 0}, pollfd{inotify_.get(), POLLIN, 0}};
  return ::poll(ends.data(), ends.size(), milliseconds) > 0;
}

bool Triggers::take_events() {
  if (!inotify_)
    return false;
  bool any = false;
  alignas(inotify_event) std::array<char, 16 * 1024> events;
  while (::read(inotify_.get(), events.data(), events.size()) > 0)
    any = true;
  return any;
}

void Triggers::make_calls() {
  std::uint64_t ignored = 0;
  ::eventfd_read(wake_.get(), &ignored);
  std::deque<std::function<void()>> calls;
  {
    const std::lock_guard lock(mutex_);
    calls.swap(calls_);
  }
  for (const auto& act : calls)
    act();
}

void Triggers::run(const std::stop_token& stop) {
  std::optional<steady_clock::time_point> first;  // event that was not looked into yet
  while (!stop.stop_requested()) {
    const bool something = wait(static_cast<int>((first ? kQuiet : kLookAnyway).count()));
    make_calls();
    const auto now = steady_clock::now();
    if (take_events() && !first)
      first = now;
    if (first ? !something || now - *first > kPatience : !something) {
      first.reset();
      check();
    }
  }
}

}  // namespace ocisync
