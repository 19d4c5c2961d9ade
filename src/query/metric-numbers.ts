import { conditionsOf, labelsColumn, lookBack, type MetricQuestion, SERIES, stepColumn } from './metric-question.ts';
import { KIND_TABLES } from './metrics.ts';
import type { Statement } from './sql-text.ts';

/** Gauges, sums and summaries over time: what is asked, as one statement with the columns Step, Labels and V. Pure. */
export function numberStatement(question: MetricQuestion): Statement {
  const { chosen, facts } = question;
  if (facts.kind === 'gauge') return gaugeStatement(question);
  return chosen === 'last' ? lastStatement(question) : increaseStatement(question);
}

const TAIL = 'GROUP BY Step, Labels ORDER BY Step DESC';

function gaugeStatement(question: MetricQuestion): Statement {
  const conditions = conditionsOf(question);
  const value = question.chosen === 'last' ? 'argMax(Value, TimeUnix)' : `${question.chosen}(Value)`;
  const sql = `SELECT ${stepColumn(question, conditions)} AS Step, ${labelsColumn(question, conditions)} AS Labels, ${value} AS V
    FROM ${KIND_TABLES.gauge} WHERE ${conditions.text()} AND isFinite(Value) ${TAIL}`;
  return { sql, params: conditions.params };
}

/** The newest value of each series in each step, added up over the series of a group. */
function lastStatement(question: MetricQuestion): Statement {
  const conditions = conditionsOf(question);
  const sql = `SELECT Step, Labels, sum(Newest) AS V FROM (
      SELECT ${stepColumn(question, conditions)} AS Step, ${labelsColumn(question, conditions)} AS Labels, ${SERIES} AS Series,
        argMax(Value, TimeUnix) AS Newest
      FROM ${KIND_TABLES.sum} WHERE ${conditions.text()} GROUP BY Step, Labels, Series
    ) ${TAIL}`;
  return { sql, params: conditions.params };
}

const DELTA = 1;
const NANOS_A_SECOND = 1e9;

/**
 * What each point added to its series and over how long (the rules of `increments` in histogram.ts, in SQL), added up by step. A rate is that of
 * each series over the time between its points, so that it does not depend on the step, added up over the series of a group.
 */
function increaseStatement(question: MetricQuestion): Statement {
  const { facts, chosen } = question;
  const since = question.range.start - lookBack(question);
  const conditions = conditionsOf(question, since);
  const isSummary = facts.kind === 'summary';
  const columns = {
    value: isSummary ? 'toFloat64(Count)' : 'Value',
    temporality: isSummary ? '2' : 'AggregationTemporality',
    canFall: isSummary ? '0' : 'NOT IsMonotonic',
  };
  const sinceParameter = conditions.value((since > 0n ? since : 0n).toString(), 'Int64');
  // Of the point before in the series: Place is 1 when there is none.
  const inner = `SELECT ${stepColumn(question, conditions)} AS Step, ${labelsColumn(question, conditions)} AS Labels, ${SERIES} AS Series,
        toUnixTimestamp64Nano(TimeUnix) AS Time, toUnixTimestamp64Nano(StartTimeUnix) AS Start, ${columns.value} AS Value_, Sum_,
        row_number() OVER Points AS Place, lagInFrame(Time) OVER Points AS TimeBefore,
        lagInFrame(Value_) OVER Points AS ValueBefore, lagInFrame(Sum_) OVER Points AS SumBefore,
        ${columns.temporality} = ${DELTA} OR if(Place = 1, Start >= ${sinceParameter} AND Start > 0,
          Start > TimeBefore OR (Value_ < ValueBefore AND NOT (${columns.canFall}))) AS IsWhole,
        if(IsWhole, Value_, if(Place = 1, 0, Value_ - ValueBefore)) AS Added,
        if(IsWhole, Sum_, if(Place = 1, 0, Sum_ - SumBefore)) AS SumAdded,
        if(IsWhole AND Start > 0 AND Start < Time, Time - Start, if(Place = 1, 0, Time - TimeBefore)) AS Elapsed
      FROM (SELECT *, ${isSummary ? 'Sum' : '0'} AS Sum_ FROM ${KIND_TABLES[facts.kind]} WHERE ${conditions.text()})
      WHERE isFinite(Value_)
      WINDOW Points AS (PARTITION BY Series ORDER BY Time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)`;
  const perSeries = `SELECT Step, Labels, Series, sum(Added) AS Added, sum(SumAdded) AS SumAdded, sum(Elapsed) AS Elapsed,
      countIf(IsWhole OR Place > 1) AS Known FROM (${inner}) WHERE Step >= 0 GROUP BY Step, Labels, Series`;
  const value = {
    rate: `sumIf(Added / Elapsed, Elapsed > 0) * ${NANOS_A_SECOND}`,
    increase: 'sum(Added)',
    avg: 'sum(SumAdded) / sum(Added)',
  }[chosen];
  const sql = `SELECT Step, Labels, ${value} AS V FROM (${perSeries}) WHERE Known > 0 ${TAIL}`;
  return { sql, params: conditions.params };
}
