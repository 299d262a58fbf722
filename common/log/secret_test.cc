#include "common/log/secret.h"

#include <fmt/format.h>

#include <concepts>
#include <ostream>
#include <string>
#include <string_view>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "common/log/log.h"
#include "gtest/gtest.h"

namespace gitops {
namespace {

// Each concept is shown to hold for a string too: one that nothing satisfies would prove nothing.
template <typename T>
concept Concatenates = requires(const T& value) { absl::StrCat(value); };
template <typename T>
concept Appends = requires(std::string& text, const T& value) { text += value; };
template <typename T>
concept Streams = requires(std::ostream& out, const T& value) { out << value; };
template <typename T>
concept Logs = requires(const T& value) {
  Log(LogLevel::kInfo, "m", {{"k", value}});
};
template <typename T>
concept LogsAsMessage = requires(const T& value) { Log(LogLevel::kInfo, value); };
template <typename T>
concept MakesAnError = requires(const T& value) { absl::InternalError(value); };

static_assert(Concatenates<std::string> && !Concatenates<Secret>);
static_assert(Appends<std::string> && !Appends<Secret>);
static_assert(Streams<std::string> && !Streams<Secret>);
static_assert(Logs<std::string> && !Logs<Secret>);
static_assert(LogsAsMessage<std::string> && !LogsAsMessage<Secret>);
static_assert(MakesAnError<std::string> && !MakesAnError<Secret>);
static_assert(fmt::is_formattable<std::string>::value && !fmt::is_formattable<Secret>::value);

static_assert(!std::is_convertible_v<Secret, std::string>);
static_assert(!std::is_convertible_v<Secret, std::string_view>);
static_assert(!std::is_convertible_v<Secret, const char*>);
static_assert(!std::is_convertible_v<Secret, bool>);
static_assert(!std::is_constructible_v<std::string, Secret>);
static_assert(!std::is_constructible_v<std::string_view, Secret>);
static_assert(!std::is_constructible_v<LogField, const char*, Secret>);
// A plain string does not turn into a secret unnoticed either.
static_assert(!std::is_convertible_v<std::string, Secret>);

TEST(SecretTest, RevealIsTheWayToTheText) {
  EXPECT_EQ(Secret("hunter2").Reveal(), "hunter2");
  EXPECT_TRUE(Secret().empty());
  EXPECT_FALSE(Secret("x").empty());
}

}  // namespace
}  // namespace gitops
