#pragma once

#include <functional>
#include <stop_token>
#include <string>

#include "app/alarm.h"
#include "app/signals.h"
#include "spec/quantity.h"

namespace ocisync {

// The bound of a one-shot run (--timeout): work under its token stops when the time is up, and when
// a signal comes.
class TimeLimit {
 public:
  TimeLimit(Duration limit, const Signals& signals)
      : text_("--timeout " + format_duration(limit)),
        forward_(signals.stop(), [this] { stop_.request_stop(); }),
        alarm_(limit, stop_) {}

  std::stop_token token() const { return stop_.get_token(); }

  // Whether work was stopped; unless a signal was received, for want of time.
  bool over() const { return stop_.stop_requested(); }

  const std::string& text() const { return text_; }  // for messages: "--timeout 5m"

 private:
  const std::string text_;
  std::stop_source stop_;
  std::stop_callback<std::function<void()>> forward_;
  Alarm alarm_;
};

}  // namespace ocisync
