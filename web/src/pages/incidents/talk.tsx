// What people say about an incident and what they are to do, and what happened to it.

import { useEffect, useState } from "preact/hooks";
import * as sentinel from "../../api/sentinel";
import type { Entry, Task } from "../../api/sentinel";
import { attempt } from "../../parts/attempt";
import type { Loaded } from "../../parts/load";
import { quoted } from "../../parts/sentences";
import { When } from "../../parts/when";
import { Link } from "../../shell/router";
import { may } from "../../shell/session";

export function Comments({ id, comments }: { id: string; comments: Loaded<sentinel.Comment[]> }) {
  const [text, setText] = useState("");
  const submit = async (event: SubmitEvent) => {
    event.preventDefault();
    if (!text.trim()) return;
    const said = await attempt(async () => {
      await sentinel.say(id, text);
      return "Commented";
    });
    if (!said) return;
    setText("");
    comments.again();
  };
  return (
    <div class="comments">
      {may("respond") && (
        <form onSubmit={submit}>
          <textarea aria-label="Comment" placeholder="What you found" rows={3} value={text} onInput={(e) => setText(e.currentTarget.value)} />
          <button class="main" type="submit" disabled={!text.trim()}>
            Comment
          </button>
        </form>
      )}
      {comments.wrong && <p class="page-wrong">The comments can't be read: {quoted(comments.wrong)}</p>}
      {!comments.value && !comments.wrong && <p class="quiet">Reading the comments …</p>}
      {comments.value?.length === 0 && <p class="quiet">Nobody has commented on it yet.</p>}
      <ul>
        {(comments.value ?? []).map((c) => (
          <li key={c.name}>
            <p class="quiet">
              <strong>{c.properties.author.name ?? c.properties.author.userPrincipalName}</strong> <When at={c.properties.createdTimeUtc} />
            </p>
            <p class="said">{plain(c.properties.message)}</p>
          </li>
        ))}
      </ul>
    </div>
  );
}

/** Playbooks write HTML: what is read of it is its text. */
function plain(message: string): string {
  if (!/<[a-z!/]/i.test(message)) return message;
  const parsed = new DOMParser().parseFromString(message.replace(/<(br|\/p|\/tr|\/li|\/h\d)\b[^>]*>/gi, "\n$&").replace(/<\/t[dh]>/gi, "\t$&"), "text/html");
  return (parsed.body.textContent ?? "").trim();
}

export function Tasks({ id, tasks }: { id: string; tasks: Loaded<Task[]> }) {
  const [text, setText] = useState("");
  const act = async (doing: () => Promise<unknown>, told: string) => {
    const versioned = { thing: "task", again: tasks.again };
    const done = await attempt(async () => {
      await doing();
      return told;
    }, versioned);
    tasks.again();
    return done;
  };
  const add = async () => {
    // What wasn't taken stays to be sent again.
    if (text.trim() && (await act(() => sentinel.addTask(id, text.trim()), "Added the task"))) setText("");
  };
  return (
    <div class="tasks">
      {may("respond") && (
        <form
          onSubmit={(e) => {
            e.preventDefault();
            void add();
          }}
        >
          <input aria-label="New task" placeholder="What is to be done" value={text} onInput={(e) => setText(e.currentTarget.value)} />
          <button type="submit" disabled={!text.trim()}>
            Add
          </button>
        </form>
      )}
      {tasks.wrong && <p class="page-wrong">The tasks can't be read: {quoted(tasks.wrong)}</p>}
      {!tasks.value && !tasks.wrong && <p class="quiet">Reading the tasks …</p>}
      {tasks.value?.length === 0 && <p class="quiet">No task is written down.</p>}
      <ul>
        {(tasks.value ?? []).map((t) => (
          <li key={t.name}>
            {may("respond") ? (
              <label>
                <input
                  type="checkbox"
                  checked={t.properties.status === "Completed"}
                  onChange={(e) => {
                    const isDone = e.currentTarget.checked;
                    void act(() => sentinel.setTask(id, t, isDone ? "Completed" : "New"), isDone ? "The task is done" : "The task is open again");
                  }}
                />{" "}
                {t.properties.title}
              </label>
            ) : (
              <>
                {t.properties.title} <span class="tag">{t.properties.status === "Completed" ? "done" : "open"}</span>
              </>
            )}
          </li>
        ))}
      </ul>
    </div>
  );
}

export function History({ history, etag }: { history: Loaded<Entry[]>; etag: string }) {
  // What was done on this page since it was opened belongs to it.
  useEffect(history.again, [etag]);
  if (history.wrong) return <p class="page-wrong">The history can't be read: {quoted(history.wrong)}</p>;
  if (!history.value) return <p class="beginning">Reading the history …</p>;
  return (
    <ol class="entries">
      {[...history.value].reverse().map((e) => (
        <li key={e.name}>
          <When at={e.properties.timeUtc} /> <strong>{e.properties.author.name ?? "huntlake"}</strong> {e.properties.text}{" "}
          {e.properties.kind === "HuntBegun" && <Link to={`/hunts/${String(e.properties.details["hunt"])}`}>See the hunt</Link>}
        </li>
      ))}
    </ol>
  );
}
