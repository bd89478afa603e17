import { ROWS, tableOf } from '../../src/services/page/table';

describe('tableOf', () => {
  it('reads a CSV file with quoted fields', () => {
    expect(
      tableOf('text', 'a.csv', 'name,said\r\nx,"one, ""two""\nthree"\r\ny,\r\n')
    ).toEqual({
      columns: ['name', 'said'],
      rows: [
        ['x', 'one, "two"\nthree'],
        ['y', '']
      ],
      total: 2
    });
  });

  it('reads a TSV file whose last line does not end', () => {
    expect(tableOf('text', 'A.TSV', 'a\tb\n1\t2')?.rows).toEqual([['1', '2']]);
  });

  it('shows the first rows and says how many there are', () => {
    const lines = Array.from({ length: 1000 }, (_, at) => `${at},x`);
    const table = tableOf('text', 'a.csv', ['n,x', ...lines].join('\n'));
    expect(table?.rows.length).toBe(ROWS);
    expect(table?.total).toBe(1000);
  });

  it('takes the columns of JSON records together', () => {
    expect(tableOf('json', 'a.json', '[{"a":1},{"a":null,"b":"x"}]')).toEqual({
      columns: ['a', 'b'],
      rows: [
        ['1', ''],
        ['null', 'x']
      ],
      total: 2
    });
  });

  it('leaves other texts what they are', () => {
    expect(tableOf('json', 'a.json', '[1, {"a": 1}]')).toBeUndefined();
    expect(tableOf('json', 'a.json', '{"a": 1}')).toBeUndefined();
    expect(tableOf('text', 'a.txt', 'a,b\n1,2')).toBeUndefined();
    expect(tableOf('text', 'a.csv', 'a,b\n"1,2')).toBeUndefined();
  });

  it('takes an answer without a name for a table by its looks', () => {
    const rows = [['1', '2,5']];
    expect(tableOf('text', 'Answer', 'a,b\n1,"2,5"\n', true)?.rows).toEqual(
      rows
    );
    expect(tableOf('text', 'Answer', 'a\tb\n1\t2,5\n', true)?.rows).toEqual(
      rows
    );
    expect(
      tableOf('text', 'Answer', 'Dear Ada,\nhow are you?', true)
    ).toBeUndefined();
    expect(
      tableOf('text', 'Answer', 'one, two\nfour, five', true)
    ).toBeUndefined();
    expect(tableOf('text', 'Answer', 'one,two', true)).toBeUndefined();
    expect(tableOf('text', 'Answer', 'a,b\n1,2')).toBeUndefined();
  });
});
