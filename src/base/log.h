#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "base/guarded.h"

namespace ocisync {

enum class LogLevel { debug, info, warning, error };
enum class LogFormat { text, json };

struct LogField {
  std::string_view key;
  std::variant<std::string, std::int64_t, double, bool> value;
};

// One line an event on stderr: `event` is a stable CamelCase word, `message` a sentence for people,
// fields carry the rest. JSON lines hold ts, level, event, msg and the fields; text lines show the
// same as key=value. Hostile text is escaped in both. Safe from any thread.
class Log {
 public:
  // Lines below `level` are dropped. Colour only in text, and only when `colour` is asked for.
  Log(LogLevel level, LogFormat format, bool colour);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void debug(std::string_view event, std::string_view message,
             std::initializer_list<LogField> fields = {});
  void info(std::string_view event, std::string_view message,
            std::initializer_list<LogField> fields = {});
  void warning(std::string_view event, std::string_view message,
               std::initializer_list<LogField> fields = {});
  void error(std::string_view event, std::string_view message,
             std::initializer_list<LogField> fields = {});

  LogFormat format() const { return format_; }

  // From now on every line, without its newline, goes to `writer` instead of stderr; an empty one
  // ends that. It is called by one thread at a time and must not log.
  void divert(std::function<void(std::string_view)> writer);

 private:
  struct Backend;

  void write(LogLevel level, std::string_view event, std::string_view message,
             std::initializer_list<LogField> fields);

  LogFormat format_;
  std::unique_ptr<Backend> backend_;
  Guarded<std::function<void(std::string_view)>> diverted_;
};

}  // namespace ocisync
