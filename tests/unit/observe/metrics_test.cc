#include "observe/metrics.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/text.h"
#include "board_rig.h"
#include "support/utf8.h"

namespace ocisync {
namespace {

using std::chrono::seconds;
using testing::Contains;
using testing::HasSubstr;
using testing::Not;

struct MetricsRig : BoardRig {
  explicit MetricsRig(const std::vector<std::string>& names = {"web"}) : BoardRig(names) {}

  std::vector<std::string> lines() const {
    std::istringstream text(metrics.text());
    std::vector<std::string> all;
    for (std::string line; std::getline(text, line);)
      all.push_back(line);
    return all;
  }

  Metrics metrics{board, "0.1.0", "abc123"};
};

// The text format 0.0.4 as a strict reader takes it: every family announced once, before its
// samples, which stand together; no sample twice; values that are numbers. Returns what is wrong.
std::string complaint_about(const std::string& text) {
  if (text.empty() || text.back() != '\n')
    return "no line end at the end";
  static const std::regex sample(
      R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\]|\\[\\"n])*",?)*\})? (\S+))re");
  std::map<std::string, std::string> types;
  std::set<std::string> helped;
  std::set<std::string> seen;
  std::string current;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string hash, kind, name, type;
    if (line.starts_with("#")) {
      words >> hash >> kind >> name >> type;
      if (kind == "HELP" && !helped.insert(name).second)
        return "explained twice: " + line;
      if (kind == "TYPE" && !types.emplace(name, type).second)
        return "announced twice: " + line;
      current = name;
      continue;
    }
    std::smatch match;
    if (!std::regex_match(line, match, sample))
      return "no sample: " + line;
    std::string family = match[1];
    if (types.count(current) != 0 && types[current] == "histogram")
      family = std::regex_replace(family, std::regex("_(bucket|sum|count)$"), "");
    if (family != current || !types.contains(family) || !helped.contains(family))
      return "not announced: " + line;
    if (!seen.insert(match[1].str() + match[2].str()).second)
      return "twice: " + line;
    std::size_t used = 0;
    std::ignore = std::stod(match[3], &used);
    if (used != match[3].str().size())
      return "no number: " + line;
    if (types[family] == "counter" && !family.ends_with("_total"))
      return "a counter by another name: " + line;
  }
  return "";
}

TEST(Metrics, AreWellFormed) {
  MetricsRig rig({"web", "db"});
  rig.attempt("web", success());
  rig.attempt("db", failure(Reason::not_found));
  rig.metrics.sync_ended(SyncResult::updated, Duration(1500));
  rig.metrics.registry_request("registry.example.com", "GET", 200, Duration(20), 1000, 0);
  rig.metrics.registry_request("registry.example.com", "GET", 0, Duration(20), 0, 0);
  rig.metrics.registry_retry("registry.example.com", Reason::unavailable);
  rig.metrics.registry_blocked("registry.example.com", rig.clock.wall() + seconds(60));
  rig.metrics.transfer_began("registry.example.com");
  rig.metrics.verification_ended(true);
  rig.metrics.credentials_refreshed("registry.example.com", false);
  rig.metrics.hook_ran("reload", true);
  rig.metrics.status_write_failed();
  EXPECT_EQ(complaint_about(rig.metrics.text()), "");
  rig.metrics.set_per_chart(false);
  EXPECT_EQ(complaint_about(rig.metrics.text()), "");
}

// "name{label,label} type" of each family; what histograms add to their names and labels is left
// out.
std::set<std::string> families_in(const std::vector<std::string>& lines) {
  std::set<std::string> families;
  std::string name, type;
  static const std::regex label(R"re(([a-z]+)="(?:[^"\\]|\\.)*")re");
  for (const std::string& line : lines) {
    if (line.starts_with("# TYPE ocisync_")) {
      std::istringstream(line.substr(15)) >> name >> type;
    } else if (line.starts_with("ocisync_")) {
      std::string labels;
      for (std::sregex_iterator each(line.begin(), line.end(), label), end; each != end; ++each)
        if ((*each)[1] != "le")
          labels += (labels.empty() ? "" : ",") + (*each)[1].str();
      families.insert(name + (labels.empty() ? "" : "{" + labels + "}") + " " + type);
    }
  }
  return families;
}

TEST(Metrics, HaveEveryFamilyOfTheContractWithItsLabelsAndNoOther) {
  MetricsRig rig;
  rig.attempt("web", success());
  rig.attempt("web", failure_above("1.0.0"));
  rig.metrics.sync_ended(SyncResult::updated, Duration(1500));
  rig.metrics.registry_request("h", "GET", 200, Duration(20), 1000, 0);
  rig.metrics.registry_retry("h", Reason::unavailable);
  rig.metrics.registry_blocked("h", rig.clock.wall());
  rig.metrics.transfer_began("h");
  rig.metrics.verification_ended(true);
  rig.metrics.credentials_refreshed("h", false);
  rig.metrics.hook_ran("reload", true);
  EXPECT_EQ(families_in(rig.lines()),
            (std::set<std::string>{
                "build_info{version,revision} gauge",
                "config_last_reload_successful gauge",
                "config_last_reload_success_timestamp_seconds gauge",
                "config_reloads_total{result} counter",
                "syncs_total{chart,result} counter",
                "sync_failures_total{chart,reason} counter",
                "sync_duration_seconds{result} histogram",
                "chart_info{chart,ref,version,digest,required} gauge",
                "chart_ready{chart} gauge",
                "chart_stalled{chart} gauge",
                "chart_suspended{chart} gauge",
                "chart_interval_seconds{chart} gauge",
                "chart_consecutive_failures{chart} gauge",
                "chart_last_success_timestamp_seconds{chart} gauge",
                "chart_last_attempt_timestamp_seconds{chart} gauge",
                "registry_requests_total{code,host,method} counter",
                "registry_request_duration_seconds{host,method} histogram",
                "registry_retries_total{host,reason} counter",
                "registry_blocked_until_timestamp_seconds{host} gauge",
                "transfer_bytes_total{direction,host} counter",
                "transfers_in_flight{host} gauge",
                "cache_hits_total counter",
                "cache_misses_total counter",
                "cache_evictions_total counter",
                "cache_size_bytes gauge",
                "cache_blobs gauge",
                "verifications_total{result} counter",
                "credential_refreshes_total{host,result} counter",
                "hook_runs_total{hook,result} counter",
                "status_write_failures_total counter",
                "reconciler_heartbeat_timestamp_seconds gauge",
            }));
}

TEST(Metrics, CountFromZero) {
  const MetricsRig rig;
  const auto lines = rig.lines();
  for (const char* result : {"updated", "unchanged", "repaired", "failed"})
    EXPECT_THAT(lines, Contains(std::string("ocisync_syncs_total{chart=\"web\",result=\"") +
                                result + "\"} 0"));
  EXPECT_THAT(lines, Contains("ocisync_config_reloads_total{result=\"failure\"} 0"));
  EXPECT_THAT(lines, Contains("ocisync_cache_hits_total 0"));
  EXPECT_THAT(lines, Contains("ocisync_status_write_failures_total 0"));
  EXPECT_THAT(lines, Contains("ocisync_build_info{version=\"0.1.0\",revision=\"abc123\"} 1"));
  EXPECT_THAT(rig.metrics.text(), Not(HasSubstr("sync_failures_total")));
  EXPECT_THAT(rig.metrics.text(), Not(HasSubstr("last_success_timestamp_seconds{chart")));
}

TEST(Metrics, SayWhatHappened) {
  MetricsRig rig;
  rig.attempt("web", success());
  rig.attempt("web", failure_above("1.0.0", Reason::rate_limited));
  rig.metrics.sync_ended(SyncResult::updated, Duration(1500));
  rig.metrics.registry_request("r:5000", "GET", 200, Duration(20), 1000, 0);
  rig.metrics.registry_request("r:5000", "GET", 200, Duration(20), 24, 7);
  rig.metrics.registry_request("r:5000", "HEAD", 0, Duration(20), 0, 0);
  rig.metrics.registry_request("r:5000", "HEAD", 999, Duration(20), 0, 0);
  rig.metrics.transfer_began("r:5000");
  rig.metrics.transfer_began("r:5000");
  rig.metrics.transfer_ended("r:5000");
  rig.metrics.set_cache({.hits = 5, .misses = 6, .evictions = 7, .size_bytes = 8, .blobs = 9});
  const auto lines = rig.lines();
  for (const char* line : {
           "ocisync_syncs_total{chart=\"web\",result=\"updated\"} 1",
           "ocisync_syncs_total{chart=\"web\",result=\"failed\"} 1",
           "ocisync_sync_failures_total{chart=\"web\",reason=\"RateLimited\"} 1",
           "ocisync_sync_duration_seconds_bucket{result=\"updated\",le=\"1\"} 0",
           "ocisync_sync_duration_seconds_bucket{result=\"updated\",le=\"2.5\"} 1",
           "ocisync_sync_duration_seconds_sum{result=\"updated\"} 1.5",
           "ocisync_chart_ready{chart=\"web\"} 0",
           "ocisync_chart_consecutive_failures{chart=\"web\"} 1",
           "ocisync_chart_interval_seconds{chart=\"web\"} 300",
           "ocisync_chart_last_success_timestamp_seconds{chart=\"web\"} 1767323045",
           "ocisync_transfer_bytes_total{direction=\"received\",host=\"r:5000\"} 1024",
           "ocisync_transfer_bytes_total{direction=\"sent\",host=\"r:5000\"} 7",
           "ocisync_registry_requests_total{code=\"200\",host=\"r:5000\",method=\"GET\"} 2",
           "ocisync_registry_requests_total{code=\"none\",host=\"r:5000\",method=\"HEAD\"} 1",
           "ocisync_registry_requests_total{code=\"other\",host=\"r:5000\",method=\"HEAD\"} 1",
           "ocisync_transfers_in_flight{host=\"r:5000\"} 1",
           "ocisync_cache_hits_total 5",
           "ocisync_cache_misses_total 6",
           "ocisync_cache_evictions_total 7",
           "ocisync_cache_size_bytes 8",
           "ocisync_cache_blobs 9",
       })
    EXPECT_THAT(lines, Contains(line));
}

TEST(Metrics, ShowWhatIsExportedAsOneSeriesAChart) {
  MetricsRig rig;
  for (int i = 0; i < 1000; ++i)
    rig.attempt("web", success(SyncResult::updated, "1.0." + std::to_string(i)));
  const auto lines = rig.lines();
  EXPECT_EQ(std::count_if(
                lines.begin(), lines.end(),
                [](const std::string& line) { return line.starts_with("ocisync_chart_info{"); }),
            1);
  EXPECT_THAT(lines,
              Contains("ocisync_chart_info{chart=\"web\",ref=\"oci://registry.example.com/charts/"
                       "web:1.0.0\",version=\"1.0.999\",digest=\"" +
                       digest_of("1.0.999").str() + "\",required=\"true\"} 1"));
}

TEST(Metrics, AChartThatLeavesTakesItsSeriesAlong) {
  MetricsRig rig({"web", "db"});
  rig.attempt("web", success());
  rig.attempt("web", failure(Reason::not_found));
  EXPECT_THAT(rig.metrics.text(), HasSubstr("chart=\"web\""));
  rig.want({"db"}, "hash-2");
  EXPECT_THAT(rig.metrics.text(), Not(HasSubstr("chart=\"web\"")));
  EXPECT_THAT(rig.metrics.text(), HasSubstr("chart=\"db\""));
}

TEST(Metrics, SumsTakeThePlaceOfSeriesOnDemand) {
  MetricsRig rig({"web", "db", "left"});
  rig.attempt("left", success());
  rig.want({"web", "db"}, "hash-2");
  rig.attempt("web", success());
  rig.attempt("db", success());
  rig.attempt("db", failure_above("1.0.0", Reason::timed_out));
  rig.metrics.set_per_chart(false);
  EXPECT_THAT(rig.metrics.text(), Not(HasSubstr("chart=")));
  const auto lines = rig.lines();
  EXPECT_THAT(lines, Contains("ocisync_syncs_total{result=\"updated\"} 3"));
  EXPECT_THAT(lines, Contains("ocisync_sync_failures_total{reason=\"TimedOut\"} 1"));
  EXPECT_THAT(lines, Contains("ocisync_chart_ready 1"));
  EXPECT_THAT(lines, Contains("ocisync_chart_consecutive_failures 1"));
}

TEST(Metrics, HostileLabelsBreakNothing) {
  MetricsRig rig({"a\"}\\ 1\nocisync_chart_ready{chart=\"x"});
  rig.attempt("a\"}\\ 1\nocisync_chart_ready{chart=\"x",
              success(SyncResult::updated, "\xff\xfe\x01 1"));
  rig.metrics.registry_request("evil\n\"host\"\xc3", "GET", 200, Duration(1), 0, 0);
  rig.metrics.hook_ran("hook\"} 7\n", false);
  EXPECT_EQ(complaint_about(rig.metrics.text()), "");
  EXPECT_TRUE(valid_utf8(rig.metrics.text()));
}

TEST(Metrics, TellOfReloadsAndTheHeart) {
  MetricsRig rig;
  rig.clock.advance(seconds(10));
  rig.board.beat();
  rig.board.reload_refused("no");
  auto lines = rig.lines();
  EXPECT_THAT(lines, Contains("ocisync_config_last_reload_successful 0"));
  EXPECT_THAT(lines, Contains("ocisync_config_last_reload_success_timestamp_seconds 1767323045"));
  EXPECT_THAT(lines, Contains("ocisync_config_reloads_total{result=\"failure\"} 1"));
  EXPECT_THAT(lines, Contains("ocisync_reconciler_heartbeat_timestamp_seconds 1767323055"));
  rig.board.reload_accepted();
  lines = rig.lines();
  EXPECT_THAT(lines, Contains("ocisync_config_last_reload_successful 1"));
  EXPECT_THAT(lines, Contains("ocisync_config_reloads_total{result=\"success\"} 1"));
}

double process_value(const std::vector<std::string>& lines, const std::string& name) {
  for (const std::string& line : lines)
    if (line.starts_with(name + " "))
      return std::stod(line.substr(name.size() + 1));
  return -1;
}

TEST(Metrics, KnowTheProcessTheyAreOf) {
  const MetricsRig rig;
  const auto lines = rig.lines();
  EXPECT_GE(process_value(lines, "process_cpu_seconds_total"), 0);
  EXPECT_GT(process_value(lines, "process_resident_memory_bytes"), 1 << 20);
  EXPECT_GT(process_value(lines, "process_virtual_memory_bytes"),
            process_value(lines, "process_resident_memory_bytes"));
  const double start = process_value(lines, "process_start_time_seconds");
  const double now =
      std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
  EXPECT_LT(start, now + 2);
  EXPECT_GT(start, now - 3600);
  const double open = process_value(lines, "process_open_fds");
  const std::ifstream one_more("/proc/self/stat");
  EXPECT_EQ(process_value(rig.lines(), "process_open_fds"), open + 1);
  EXPECT_GT(process_value(lines, "process_max_fds"), open);
}

TEST(Metrics, ComeInBoundedPiecesHoweverManyChartsThereAre) {
  std::vector<std::string> names;
  for (int i = 0; i < 2'000; ++i)
    names.push_back("chart-" + std::to_string(i));
  MetricsRig rig(names);
  for (const std::string& name : names)
    rig.attempt(name, success());
  std::string text;
  const Pieces pieces = rig.metrics.pieces();
  std::size_t largest = 0;
  while (const auto piece = pieces()) {
    largest = std::max(largest, piece->size());
    text += *piece;
  }
  EXPECT_LT(largest, 300'000U);
  EXPECT_EQ(complaint_about(text), "");
  EXPECT_THAT(text, HasSubstr("ocisync_chart_ready{chart=\"chart-1999\"} 1\n"));
}

}  // namespace
}  // namespace ocisync
