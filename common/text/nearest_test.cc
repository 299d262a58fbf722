#include "common/text/nearest.h"

#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace gitops {
namespace {

const std::vector<std::string>& Keys() {
  static const auto* const keys = new std::vector<std::string>{
      "upstream", "branch", "service", "machine", "mount", "user", "dirs", "link", "local", "poll"};
  return *keys;
}

struct Case {
  std::string word;
  std::string nearest;
  std::string why;
};

TEST(NearestTest, FindsWhatWasMeant) {
  const Case cases[] = {
      {"mount", "mount", "the word itself"},
      {"mout", "mount", "a letter left out"},
      {"mmount", "mount", "a letter too many"},
      {"brunch", "branch", "another letter"},
      {"lnik", "link", "neighbours exchanged are one slip, not two"},
      {"dris", "dirs", "the same"},
      {"Upstream", "upstream", "case is no difference"},
      {"MACHINES", "machine", "case, and a plural"},
      {"servcie", "service", "exchanged inside"},
      {"dir", "dirs", "a third of a short word"},
      {"li", "", "half of \"link\" is missing"},
      {"zzzzz", "", "nothing like it"},
      {"", "", "nothing given"},
      {std::string(100000, 'm'), "", "too long for a slip, and not worth the time"},
  };
  for (const Case& c : cases) EXPECT_EQ(Nearest(c.word, Keys()), c.nearest) << c.why;
}

TEST(NearestTest, TheNearerOfTwoWins) {
  EXPECT_EQ(Nearest("machin", {"machines", "machine"}), "machine");
  EXPECT_EQ(Nearest("machin", {"machine", "machines"}), "machine");
}

TEST(NearestTest, OfEquallyNearTheFirstWins) {
  EXPECT_EQ(Nearest("read", {"bead", "lead"}), "bead");
}

TEST(NearestTest, NothingKnownIsNothingNear) { EXPECT_EQ(Nearest("mount", {}), ""); }

}  // namespace
}  // namespace gitops
