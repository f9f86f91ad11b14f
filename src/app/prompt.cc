#include "app/prompt.h"

#include <cerrno>
#include <string_view>

#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include "base/error.h"
#include "base/files.h"

namespace ocisync {
namespace {

constexpr std::size_t kLongest = 64 * 1024;
constexpr int kNap = 100;  // milliseconds between looks at the stop token

// A terminal that does not repeat what is typed, but for the line break.
class Silence {
 public:
  Silence() {
    if (::tcgetattr(STDIN_FILENO, &before_) != 0)
      return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    changed_ = ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &silent) == 0;
  }

  ~Silence() {
    if (changed_)
      ::tcsetattr(STDIN_FILENO, TCSAFLUSH, &before_);
  }

  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  termios before_{};
  bool changed_ = false;
};

bool wait_for_input(const std::stop_token& stop) {
  while (!stop.stop_requested()) {
    pollfd input{STDIN_FILENO, POLLIN, 0};
    if (::poll(&input, 1, kNap) != 0)
      return true;
  }
  return false;
}

// Byte by byte, so that what follows the line is left for whoever reads next.
std::string read_input(bool one_line, const std::stop_token& stop) {
  std::string text;
  text.reserve(kLongest + 1);  // a secret must not be left behind by a growing string
  while (true) {
    if (!wait_for_input(stop))
      throw Error(Reason::cancelled, "stopped while waiting for input");
    char byte = 0;
    const ssize_t count = ::read(STDIN_FILENO, &byte, 1);
    if (count < 0 && (errno == EINTR || errno == EAGAIN))
      continue;
    if (count < 0)
      throw system_error(errno, "reading standard input");
    if (count == 0 || (one_line && byte == '\n'))
      return text;
    if (text.size() == kLongest)
      throw Error(Reason::usage_invalid, "standard input holds more than 64 KiB");
    text += byte;
  }
}

std::string without_break(std::string text) {
  for (const char last : {'\n', '\r'})
    if (text.ends_with(last))
      text.pop_back();
  return text;
}

std::string question_and_answer(const std::string& question, const std::stop_token& stop) {
  write_all(STDERR_FILENO, as_bytes(question), "standard error");
  return without_break(read_input(true, stop));
}

}  // namespace

bool input_is_terminal() { return ::isatty(STDIN_FILENO) == 1; }

std::string ask(const std::string& question, std::stop_token stop) {
  return question_and_answer(question, stop);
}

Secret ask_secret(const std::string& question, std::stop_token stop) {
  const Silence silence;
  return Secret(question_and_answer(question, stop));
}

Secret read_secret(std::stop_token stop) { return Secret(without_break(read_input(false, stop))); }

}  // namespace ocisync
