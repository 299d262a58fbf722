#include "common/mount/mount_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace gitops {
namespace {

using testing::HasSubstr;

constexpr char kTable[] =
    "27 1 254:0 / / rw,relatime shared:1 - ext4 /dev/vda rw\n"
    "30 27 254:0 /srv/rev/1 /etc/nginx rw,relatime shared:7 master:2 - ext4 /dev/vda rw\n"
    "31 30 0:40 / /etc/nginx/a\\040b\\134c\\012 ro,nosuid master:3 propagate_from:2 - tmpfs none "
    "rw\n"
    "32 30 254:0 /srv/rev/2//deleted /etc/nginx rw - ext4 /dev/vda rw\n";

MountTable Parsed() {
  absl::StatusOr<MountTable> table = MountTable::Parse(kTable);
  EXPECT_TRUE(table.ok()) << table.status();
  return table.ok() ? *table : MountTable();
}

TEST(MountTable, ReadsEveryFieldAndDecodesOctalEscapes) {
  const MountEntry expected = {.id = 31,
                               .parent_id = 30,
                               .device = "0:40",
                               .root = "/",
                               .mount_point = "/etc/nginx/a b\\c\n",
                               .read_only = true,
                               .shared = false,
                               .slave = true,
                               .type = "tmpfs"};
  const MountTable table = Parsed();
  ASSERT_NE(table.Find(31), nullptr);
  EXPECT_EQ(*table.Find(31), expected);
  EXPECT_TRUE(table.Find(30)->shared);
  EXPECT_TRUE(table.Find(30)->slave);
  EXPECT_EQ(table.Find(99), nullptr);
}

TEST(MountTable, AStackGoesDownToItsBaseByIds) {
  const MountTable table = Parsed();
  std::vector<uint64_t> ids;
  for (const MountEntry* entry : table.StackUnder(32, 27)) ids.push_back(entry->id);
  EXPECT_THAT(ids, testing::ElementsAre(32, 30));
  EXPECT_EQ(table.StackUnder(30, 27).size(), 1u);
  EXPECT_TRUE(table.StackUnder(30, 31).empty()) << "not under it";
  EXPECT_TRUE(table.StackUnder(99, 27).empty());
  EXPECT_EQ(table.ChildrenOf(30).size(), 2u);
}

TEST(MountTable, RefusesALineItCannotReadAndNamesIt) {
  for (const char* line :
       {"27 1 254:0 / /", "x 1 254:0 / / rw - ext4 a rw", "27 1 254:0 / / rw -"}) {
    absl::StatusOr<MountTable> table = MountTable::Parse(line);
    EXPECT_EQ(table.status().code(), absl::StatusCode::kInvalidArgument) << line;
    EXPECT_THAT(std::string(table.status().message()), HasSubstr(line));
  }
}

TEST(MountTable, TellsWhichMountAPathIsIn) {
  absl::StatusOr<MountTable> table = MountTable::Read();
  ASSERT_TRUE(table.ok()) << table.status();
  absl::StatusOr<PathView> proc = ViewPath("/proc");
  ASSERT_TRUE(proc.ok()) << proc.status();
  EXPECT_TRUE(proc->mount_root);
  ASSERT_NE(table->Find(proc->mount_id), nullptr);
  EXPECT_EQ(table->Find(proc->mount_id)->mount_point, "/proc");
  absl::StatusOr<PathView> self = ViewPath("/proc/self/status");
  ASSERT_TRUE(self.ok()) << self.status();
  EXPECT_FALSE(self->mount_root);
  EXPECT_EQ(ViewPath("/proc/none").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace gitops
