#include "base/process.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <optional>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/error.h"
#include "base/guarded.h"
#include "base/handle.h"
#include "base/text.h"

namespace ocisync {
namespace {

using Moment = std::chrono::steady_clock::time_point;
using std::chrono::milliseconds;

struct Pipe {
  Fd read;
  Fd write;
};

// Away from 0, 1 and 2: the child's ends are moved there and must not be in each other's way.
Fd above_standard(int fd) {
  const Fd old(fd);
  Fd moved(::fcntl(fd, F_DUPFD_CLOEXEC, 3));
  if (!moved)
    throw system_error(errno, "creating a pipe");
  return moved;
}

Pipe make_pipe() {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw system_error(errno, "creating a pipe");
  Fd write(ends[1]);
  Fd read = above_standard(ends[0]);
  return {std::move(read), above_standard(write.release())};
}

void make_nonblocking(const Fd& fd) {
  if (::fcntl(fd.get(), F_SETFL, O_NONBLOCK) != 0)
    throw system_error(errno, "preparing a pipe");
}

bool is_program(const std::string& path) {
  struct stat status {};

  return ::stat(path.c_str(), &status) == 0 && S_ISREG(status.st_mode) &&
         ::access(path.c_str(), X_OK) == 0;
}

// The file that the command names. An empty element of PATH would mean the working directory: no.
std::optional<std::string> locate(const ProcessRequest& request) {
  const std::string& name = request.command.front();
  if (name.find('/') != std::string::npos)
    return name;
  constexpr std::string_view kPath = "PATH=";
  std::string_view directories = "/usr/local/bin:/usr/bin:/bin";
  for (const std::string_view variable : request.environment)
    if (variable.starts_with(kPath))
      directories = variable.substr(kPath.size());
  for (const std::string_view directory : split(directories, ':')) {
    std::string candidate = std::string(directory) + '/' + name;
    if (!directory.empty() && is_program(candidate))
      return candidate;
  }
  return std::nullopt;
}

std::vector<char*> pointers(std::vector<std::string>& strings) {
  std::vector<char*> result;
  for (std::string& text : strings)
    result.push_back(text.data());
  result.push_back(nullptr);
  return result;
}

void check(int code) {
  if (code != 0)
    throw system_error(code, "preparing a process");
}

// The descriptors and signals that the new process starts with: its three pipes, nothing ignored,
// nothing blocked, and a group of its own.
class SpawnPlan {
 public:
  SpawnPlan(int input, int output, int error_output) {
    check(::posix_spawn_file_actions_init(&actions_));
    check(::posix_spawnattr_init(&attributes_));
    check(::posix_spawn_file_actions_adddup2(&actions_, input, STDIN_FILENO));
    check(::posix_spawn_file_actions_adddup2(&actions_, output, STDOUT_FILENO));
    check(::posix_spawn_file_actions_adddup2(&actions_, error_output, STDERR_FILENO));
    check(::posix_spawn_file_actions_addclosefrom_np(&actions_, STDERR_FILENO + 1));
    sigset_t all, none;
    sigfillset(&all);
    sigemptyset(&none);
    check(::posix_spawnattr_setsigdefault(&attributes_, &all));
    check(::posix_spawnattr_setsigmask(&attributes_, &none));
    check(::posix_spawnattr_setpgroup(&attributes_, 0));
    check(::posix_spawnattr_setflags(
        &attributes_, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK));
  }

  ~SpawnPlan() {
    ::posix_spawn_file_actions_destroy(&actions_);
    ::posix_spawnattr_destroy(&attributes_);
  }

  SpawnPlan(const SpawnPlan&) = delete;
  SpawnPlan& operator=(const SpawnPlan&) = delete;

  struct Started {
    pid_t pid;
    int code;  // 0, or the error number of the failure
  };

  // Returns once the program runs.
  Started start(const std::string& program, const ProcessRequest& request) const {
    std::vector<std::string> arguments = request.command, environment = request.environment;
    Started started{};
    started.code = ::posix_spawn(&started.pid, program.c_str(), &actions_, &attributes_,
                                 pointers(arguments).data(), pointers(environment).data());
    return started;
  }

 private:
  posix_spawn_file_actions_t actions_{};
  posix_spawnattr_t attributes_{};
};

// The processes that somebody here waits for. They are started under the lock, so that none is
// taken for an orphan before it is known.
Guarded<std::set<pid_t>>& own_children() {
  static Guarded<std::set<pid_t>> children;
  return children;
}

// A running process and its group. While it is not reaped its id cannot be given to another, so the
// group is killed before, never after.
class Child {
 public:
  explicit Child(pid_t pid) : pid_(pid) {}

  ~Child() {
    if (pid_ > 0) {
      kill_group();
      reap();
    }
  }

  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  void kill_group() const { ::kill(-pid_, SIGKILL); }

  bool has_ended() const {
    siginfo_t info{};
    const int result = ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOHANG | WNOWAIT);
    return result != 0 || info.si_pid == pid_;
  }

  // Waits for the end and returns the exit code as a shell would tell it.
  int reap() {
    siginfo_t ended{};
    while (::waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOWAIT) != 0 &&
           errno == EINTR) {
    }
    int status = 0;
    pid_t result = 0;
    own_children().with([&](auto& children) {
      result = ::waitpid(pid_, &status, 0);  // from here on the id may be another's
      children.erase(pid_);
    });
    pid_ = -1;
    if (::getpid() == 1)
      reap_orphans();  // one may have stood behind this one
    if (result < 0)
      return 255;  // somebody else reaped it; how it ended is lost
    return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
  }

 private:
  pid_t pid_;
};

// While it lives, writing to a pipe that nobody reads fails with EPIPE and does not end ocisync.
class NoBrokenPipeSignal {
 public:
  NoBrokenPipeSignal() {
    sigemptyset(&only_);
    sigaddset(&only_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    ::pthread_sigmask(SIG_BLOCK, &only_, &before_);
  }

  ~NoBrokenPipeSignal() {
    const timespec now{};
    while (!was_pending_ && ::sigtimedwait(&only_, nullptr, &now) < 0 && errno == EINTR) {
    }
    ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

  NoBrokenPipeSignal(const NoBrokenPipeSignal&) = delete;
  NoBrokenPipeSignal& operator=(const NoBrokenPipeSignal&) = delete;

 private:
  sigset_t only_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

// Feeds the process and takes what it says, all at once, so that neither side waits for the other.
class Conversation {
 public:
  Conversation(const ProcessRequest& request, ProcessResult& result, Fd input, Fd output,
               Fd error_output)
      : request_(request),
        result_(result),
        rest_(request.input),
        input_(std::move(input)),
        output_(std::move(output)),
        error_output_(std::move(error_output)) {
    make_nonblocking(input_);
    make_nonblocking(output_);
    make_nonblocking(error_output_);
    if (rest_.empty())
      input_.reset();
  }

  // Waits at most `nap` for something to do, and does it. False when nothing happened.
  bool step(milliseconds nap) {
    std::array<pollfd, 3> ends = {pollfd{input_.get(), POLLOUT, 0},
                                  pollfd{output_.get(), POLLIN, 0},
                                  pollfd{error_output_.get(), POLLIN, 0}};
    if (::poll(ends.data(), ends.size(), static_cast<int>(nap.count())) <= 0)
      return false;
    if (ends[0].revents != 0)
      feed();
    if (ends[1].revents != 0)
      result_.output_too_long =
          drain(output_, result_.output, request_.output_limit) > 0 && !request_.output_may_exceed;
    if (ends[2].revents != 0)
      drain(error_output_, result_.error_output, request_.error_limit);
    return true;
  }

 private:
  void feed() {
    const ssize_t count = ::write(input_.get(), rest_.data(), rest_.size());
    if (count > 0)
      rest_.remove_prefix(static_cast<std::size_t>(count));
    const bool failed = count < 0 && errno != EAGAIN && errno != EINTR;
    if (failed || rest_.empty())
      input_.reset();  // a program may well ignore its input
  }

  // Reads what is there. Returns how many bytes were dropped because `into` is full.
  static std::size_t drain(Fd& from, std::string& into, std::size_t limit) {
    std::array<char, 16 * 1024> chunk;
    const ssize_t count = ::read(from.get(), chunk.data(), chunk.size());
    if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR)) {
      from.reset();
      return 0;
    }
    const auto size = static_cast<std::size_t>(std::max<ssize_t>(count, 0));
    const std::size_t taken = std::min(size, limit - into.size());
    into.append(chunk.data(), taken);
    return size - taken;
  }

  const ProcessRequest& request_;
  ProcessResult& result_;
  std::string_view rest_;
  Fd input_;
  Fd output_;
  Fd error_output_;
};

// True when the process has ended and all it wrote is taken, false when it must be ended. A
// descendant that keeps the pipes open does not keep us.
bool converse(Conversation& conversation, const Child& child, Moment deadline,
              const std::function<bool()>& give_up, ProcessResult& result) {
  constexpr milliseconds kLongestNap{20};
  milliseconds nap{1};
  while (!result.output_too_long) {
    const bool ended = child.has_ended();
    const bool moved = conversation.step(ended ? milliseconds{0} : nap);
    if (ended && !moved)
      return true;
    nap = moved ? milliseconds{1} : std::min(nap * 2, kLongestNap);
    result.timed_out = std::chrono::steady_clock::now() >= deadline;
    if (result.timed_out || give_up())
      return false;
  }
  return false;
}

ProcessResult not_found(std::string why) {
  ProcessResult result;
  result.found = false;
  result.exit_code = 127;
  result.error_output = std::move(why);
  return result;
}

}  // namespace

ProcessResult run_process(const ProcessRequest& request, const std::function<bool()>& give_up) {
  if (request.command.empty())
    throw Error(Reason::internal, "a process without a command");
  const auto program = locate(request);
  if (!program)
    return not_found(request.command.front() + " is not on PATH");

  const Moment deadline = std::chrono::steady_clock::now() + request.time_limit;
  Pipe input = make_pipe(), output = make_pipe(), error_output = make_pipe();
  const SpawnPlan plan(input.read.get(), output.write.get(), error_output.write.get());
  const auto [pid, code] = own_children().with([&](auto& children) {
    const auto started = plan.start(*program, request);
    if (started.code == 0)
      children.insert(started.pid);
    return started;
  });
  if (code == ENOENT || code == ENOTDIR || code == EACCES || code == ENOEXEC)
    return not_found(*program + ": " + std::generic_category().message(code));
  if (code != 0)
    throw system_error(code, "starting " + printable(*program));

  Child child(pid);
  input.read.reset();
  output.write.reset();
  error_output.write.reset();
  const NoBrokenPipeSignal quiet;
  ProcessResult result;
  Conversation conversation(request, result, std::move(input.write), std::move(output.read),
                            std::move(error_output.read));
  if (!converse(conversation, child, deadline, give_up, result))
    child.kill_group();
  result.exit_code = child.reap();
  return result;
}

void kill_processes() {
  own_children().with([](const auto& children) {
    for (const pid_t child : children)
      ::kill(-child, SIGKILL);
  });
}

void reap_orphans() {
  own_children().with([](const auto& children) {
    siginfo_t ended{};
    while (::waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) == 0 && ended.si_pid != 0 &&
           !children.contains(ended.si_pid)) {
      ::waitpid(ended.si_pid, nullptr, 0);
      ended = {};
    }
  });
}

}  // namespace ocisync
