#include "chart/metadata.h"
#include "input.h"

// What is taken must survive being written in every form and read again.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace ocisync;
  const auto chart = unless_refused([&] { return read_chart_yaml(as_input(data, size)); });
  if (!chart)
    return 0;
  const std::string json = chart_json(*chart);
  require(chart_json(read_chart_json(json, "", "")) == json);
  require(chart_json(read_chart_yaml(chart_yaml(*chart))) == json);
  const std::string meta = chart_meta_json(*chart);
  require(chart_json(read_chart_json(meta, chart->name, chart->version)) == json);
  return 0;
}
