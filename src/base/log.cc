#include "base/log.h"

#include <chrono>

#include <fmt/format.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include "base/clock.h"
#include "base/json.h"
#include "base/text.h"

namespace ocisync {

struct Log::Backend {
  bool colour;
  spdlog::logger logger;
};

namespace {

constexpr std::size_t kMessageLimit = 4096;

struct LevelFacts {
  spdlog::level::level_enum backend;
  std::string_view name;    // in JSON
  std::string_view label;   // in text, all of one width
  std::string_view colour;  // the terminal's code
};

LevelFacts facts(LogLevel level) {
  switch (level) {
    case LogLevel::debug:
      return {spdlog::level::debug, "debug", "DEBUG", "36"};
    case LogLevel::info:
      return {spdlog::level::info, "info", "INFO ", "32"};
    case LogLevel::warning:
      return {spdlog::level::warn, "warning", "WARN ", "33"};
    case LogLevel::error:
      break;
  }
  return {spdlog::level::err, "error", "ERROR", "31"};
}

// A text that is empty says nothing, in either format.
bool is_told(const LogField& field) {
  const auto* text = std::get_if<std::string>(&field.value);
  return !text || !text->empty();
}

std::string with_milliseconds(WallTime time) {
  using std::chrono::milliseconds;
  const auto since_epoch = std::chrono::duration_cast<milliseconds>(time.time_since_epoch());
  std::string text = rfc3339(time);
  text.pop_back();
  return fmt::format("{}.{:03}Z", text, since_epoch.count() % 1000);
}

Json value_as_json(const LogField& field) {
  struct AsJson {
    Json operator()(const std::string& text) const { return printable(text); }

    Json operator()(std::int64_t value) const { return value; }

    Json operator()(double value) const { return value; }

    Json operator()(bool value) const { return value; }
  };

  return std::visit(AsJson{}, field.value);
}

// As it is when it reads as one word, otherwise in quotes.
std::string one_word(const std::string& text) {
  if (text.find_first_of(" \"=") == std::string::npos)
    return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"')
      quoted += '\\';
    quoted += c;
  }
  return quoted + '"';
}

std::string value_as_text(const LogField& field) {
  if (const auto* text = std::get_if<std::string>(&field.value))
    return one_word(printable(*text));
  return value_as_json(field).dump();
}

}  // namespace

Log::Log(LogLevel level, LogFormat format, bool colour)
    : format_(format),
      backend_(new Backend{
          colour && format == LogFormat::text,
          spdlog::logger("ocisync", std::make_shared<spdlog::sinks::stderr_sink_mt>())}) {
  backend_->logger.set_pattern("%v");
  backend_->logger.set_level(facts(level).backend);
  // A stderr that takes nothing any more is no reason to stop working.
  backend_->logger.set_error_handler([](const std::string&) {});
}

Log::~Log() = default;

void Log::divert(std::function<void(std::string_view)> writer) {
  diverted_.with([&](auto& current) { current = std::move(writer); });
}

void Log::debug(std::string_view event, std::string_view message,
                std::initializer_list<LogField> fields) {
  write(LogLevel::debug, event, message, fields);
}

void Log::info(std::string_view event, std::string_view message,
               std::initializer_list<LogField> fields) {
  write(LogLevel::info, event, message, fields);
}

void Log::warning(std::string_view event, std::string_view message,
                  std::initializer_list<LogField> fields) {
  write(LogLevel::warning, event, message, fields);
}

void Log::error(std::string_view event, std::string_view message,
                std::initializer_list<LogField> fields) {
  write(LogLevel::error, event, message, fields);
}

void Log::write(LogLevel level, std::string_view event, std::string_view message,
                std::initializer_list<LogField> fields) {
  const LevelFacts about = facts(level);
  if (!backend_->logger.should_log(about.backend))
    return;
  const WallTime now = std::chrono::system_clock::now();
  std::string line;
  if (format_ == LogFormat::json) {
    Json record = Json::object();
    record.set("ts", with_milliseconds(now)).set("level", about.name);
    record.set("event", printable(event)).set("msg", printable(message, kMessageLimit));
    for (const LogField& field : fields)
      if (is_told(field))
        record.set(printable(field.key), value_as_json(field));
    line = record.dump();
  } else {
    const std::string label = backend_->colour
                                  ? fmt::format("\x1b[{}m{}\x1b[0m", about.colour, about.label)
                                  : std::string(about.label);
    line = fmt::format("{} {} {} {}", rfc3339(now), label, printable(event),
                       printable(message, kMessageLimit));
    for (const LogField& field : fields)
      if (is_told(field))
        line += fmt::format(" {}={}", printable(field.key), value_as_text(field));
  }
  const bool taken = diverted_.with([&](const auto& writer) {
    if (writer)
      writer(line);
    return static_cast<bool>(writer);
  });
  if (!taken)
    backend_->logger.log(about.backend, line);
}

}  // namespace ocisync
