#include "app/command_line.h"

#include <map>

#include <gmock/gmock.h>

#include "app/commands.h"
#include "base/error.h"
#include "base/text.h"

namespace ocisync {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// What two commands made for the test were told.
struct Told {
  std::string command;
  std::vector<std::string> config, files;
  std::optional<std::filesystem::path> cache;
  std::optional<Duration> timeout;
  std::optional<unsigned> lanes;
  std::optional<int> color;
  std::string host;
  bool quiet = false;
  std::vector<std::string> unknown;
};

Told told;

void declare_sync(Flags& flags, Told& options) {
  flags.list("config", "FILE", options.config, "").letter = 'c';
  flags.path("cache", "DIR", options.cache, "");
  flags.duration("timeout", options.timeout, "");
  flags.count("lanes", options.lanes, 1, 256, "");
  flags.choice<int>("color", options.color, {{"red", 1}, {"blue", 2}}, "");
  flags.toggle("quiet", options.quiet, "");
  flags.unknown_variables(options.unknown);
}

void declare_login(Flags& flags, Told& options) {
  flags.positional("HOST", options.host, "");
  flags.positionals("FILE", options.files, "");
  flags.path("cache", "DIR", options.cache, "");
}

template <const char* kName>
int remember(const Told& options) {
  told = options;
  told.command = kName;
  return 0;
}

constexpr char kSync[] = "sync";
constexpr char kLogin[] = "registry login";
constexpr char kVersion[] = "version";

class CommandLineTest : public ::testing::Test {
 protected:
  CommandLineTest() {
    commands_.push_back(make_command<Told>(kSync, "syncs", declare_sync, remember<kSync>));
    commands_.push_back(make_command<Told>(kLogin, "logs in", declare_login, remember<kLogin>));
    commands_.push_back(make_command<Told>(
        kVersion, "says", [](Flags&, Told&) {}, remember<kVersion>));
    told = {};
  }

  Invocation parse(std::vector<const char*> words) {
    words.insert(words.begin(), "ocisync");
    std::vector<std::string> names;
    for (const auto& [name, value] : variables_)
      names.push_back(name);
    return parse_command_line(
        commands_, static_cast<int>(words.size()), words.data(),
        [this](std::string_view name) -> std::optional<std::string> {
          const auto found = variables_.find(name);
          return found == variables_.end() ? std::nullopt : std::optional(found->second);
        },
        names);
  }

  void run(std::vector<const char*> words) {
    const Invocation asked = parse(std::move(words));
    ASSERT_NE(asked.command, nullptr) << asked.text;
    asked.command->run();
  }

  std::string refusal(std::vector<const char*> words) {
    try {
      parse(std::move(words));
    } catch (const Error& error) {
      EXPECT_EQ(error.reason(), Reason::usage_invalid);
      return error.what();
    }
    return "taken";
  }

  std::vector<Command> commands_;
  std::map<std::string, std::string, std::less<>> variables_;
};

TEST_F(CommandLineTest, IsSyncWithoutACommand) {
  run({"-c", "a.yaml", "--config", "b.yaml,c.yaml", "--timeout", "90s", "--quiet"});
  EXPECT_EQ(told.command, "sync");
  EXPECT_THAT(told.config, ElementsAre("a.yaml", "b.yaml", "c.yaml"));
  EXPECT_EQ(told.timeout, std::chrono::seconds(90));
  EXPECT_TRUE(told.quiet);
}

TEST_F(CommandLineTest, FindsACommandOfTwoWordsAndItsPositionals) {
  run({"registry", "login", "example.com", "--cache", "/c", "x", "y"});
  EXPECT_EQ(told.command, "registry login");
  EXPECT_EQ(told.host, "example.com");
  EXPECT_EQ(told.cache, "/c");
  EXPECT_THAT(told.files, ElementsAre("x", "y"));
}

TEST_F(CommandLineTest, AFlagWinsOverItsVariableAndAVariableOverTheDefault) {
  variables_ = {{"OCISYNC_CACHE", "/from-variable"},
                {"OCISYNC_CONFIG", "a.yaml, b.yaml"},
                {"OCISYNC_QUIET", "true"},
                {"OCISYNC_LANES", ""}};
  run({"sync", "--cache", "/from-flag"});
  EXPECT_EQ(told.cache, "/from-flag");
  EXPECT_THAT(told.config, ElementsAre("a.yaml", "b.yaml"));
  EXPECT_TRUE(told.quiet);
  EXPECT_FALSE(told.lanes);
  run({"registry", "login", "h"});
  EXPECT_EQ(told.cache, "/from-variable");
}

TEST_F(CommandLineTest, OnlyFlagsOfSyncAreVariables) {
  variables_ = {{"OCISYNC_HOST", "h"}};
  EXPECT_THAT(refusal({"registry", "login"}), HasSubstr("HOST"));
}

TEST_F(CommandLineTest, NamesVariablesThatAreNobodys) {
  variables_ = {{"OCISYNC_CACEH", "x"},
                {"OCISYNC_SERVICE_HOST", "x"},
                {"OCISYNC_PORT", "x"},
                {"OCISYNC_CACHE", "/c"},
                {"OCISYNC_PORT_80_TCP", "x"},
                {"HOME", "/root"},
                {"OCISYNC_SERVICE_PORT_HTTP", "x"}};
  run({"sync"});
  EXPECT_THAT(told.unknown, ElementsAre("OCISYNC_CACEH"));
}

TEST_F(CommandLineTest, SaysWhatIsWrongAndWhatIsAllowed) {
  EXPECT_THAT(refusal({"--timeout", "soon"}), HasSubstr("--timeout: 'soon' is not a duration"));
  EXPECT_THAT(refusal({"--lanes", "0"}), HasSubstr("is not a number from 1 to 256"));
  EXPECT_THAT(refusal({"--lanes", "99999999999"}), HasSubstr("is not a number from 1 to 256"));
  EXPECT_THAT(refusal({"--color", "green"}), HasSubstr("'green' is not one of red, blue"));
  EXPECT_THAT(refusal({"--cache", ""}), HasSubstr("is not a path"));
  EXPECT_THAT(refusal({"sink"}), HasSubstr("sink"));
  EXPECT_THAT(refusal({"registry"}), HasSubstr("ocisync --help"));
  EXPECT_THAT(refusal({"registry", "login", "h", "--quiet"}), HasSubstr("--quiet"));
  EXPECT_THAT(refusal({"--quiet", "registry", "login", "h"}),
              HasSubstr("--quiet does not go with 'registry login'"));
  EXPECT_THAT(refusal({"--cache", "a", "--cache", "b"}), HasSubstr("--cache"));
  variables_ = {{"OCISYNC_QUIET", "maybe"}};
  EXPECT_THAT(refusal({"sync"}), HasSubstr("'maybe' is not true or false"));
}

TEST_F(CommandLineTest, FlagsOfSyncMayStandBeforeACommandThatHasThem) {
  run({"--cache", "/c", "registry", "login", "h"});
  EXPECT_EQ(told.cache, "/c");
}

TEST_F(CommandLineTest, ExplainsItself) {
  for (const std::vector<const char*>& words :
       {std::vector<const char*>{}, {"--help"}, {"-h"}, {"--quiet", "--help"}}) {
    const Invocation asked = parse(words);
    EXPECT_EQ(asked.command, nullptr);
    EXPECT_THAT(asked.text, HasSubstr("registry login  logs in"));
  }
  EXPECT_THAT(parse({"sync", "--help"}).text, HasSubstr("-c, --config FILE"));
  EXPECT_THAT(parse({"sync", "--help"}).text, HasSubstr("--log-level is OCISYNC_LOG_LEVEL"));
  EXPECT_THAT(parse({"registry", "login", "--help"}).text, HasSubstr("HOST"));
  EXPECT_EQ(parse({"--version"}).command->path, "version");
}

TEST(Commands, HelpFitsAScreen) {
  const auto expect_to_fit = [](const std::string& text) {
    EXPECT_LE(std::count(text.begin(), text.end(), '\n'), 24) << text;
    for (const std::string_view line : split(text, '\n'))
      EXPECT_LE(line.size(), 80U) << text;
  };
  const std::string text = help_text(all_commands());
  expect_to_fit(text);
  for (const Command& command : all_commands()) {
    EXPECT_THAT(text, HasSubstr(command.path));
    expect_to_fit(help_text(command));
    for (const Flag& flag : command.flags)
      EXPECT_FALSE(flag.help.empty()) << command.path << " --" << flag.name;
  }
}

}  // namespace
}  // namespace ocisync
